--- What there is and how it is: the host, the thread, its skills and MCP servers, with what is wrong with them.
local session = require('codexhost.session')
local window = require('codexhost.window')

local M = {}

local function heading(lines, text)
  vim.list_extend(lines, { '', text })
end

local function one_line(text)
  return (vim.trim(text or ''):gsub('%s*\n%s*', ' '))
end

local function thread_lines(lines)
  local settings, thread = session.settings, session.thread
  heading(lines, 'Thread')
  if not thread then
    return table.insert(lines, '  none yet')
  end
  vim.list_extend(lines, {
    '  id         ' .. thread.id,
    '  folder     ' .. thread.cwd,
    '  model      ' .. (session.chosen.model or settings.model),
    '  sandbox    ' .. (session.chosen.sandbox or session.sandbox_name(settings.sandbox)),
    '  approvals  ' .. (session.chosen.approval_policy or vim.inspect(settings.approvalPolicy):gsub('"', '')),
    '  mode       ' .. (session.chosen.mode or settings.mode or 'default'),
  })
  local usage = session.usage
  if usage then
    local room = usage.modelContextWindow and (' of %d'):format(usage.modelContextWindow) or ''
    table.insert(lines, ('  tokens     %d%s in the context, %d in all'):format(
      usage.last.totalTokens,
      room,
      usage.total.totalTokens
    ))
  end
end

local function skill_lines(lines, entries)
  heading(lines, 'Skills')
  local none = true
  for _, entry in ipairs(entries) do
    for _, broken in ipairs(entry.errors) do
      none = false
      table.insert(lines, ('  ! %s: %s'):format(vim.fn.fnamemodify(broken.path, ':~:.'), one_line(broken.message)))
    end
    for _, skill in ipairs(entry.skills) do
      none = false
      local about = skill.enabled and one_line(skill.shortDescription or skill.description) or 'disabled'
      table.insert(lines, ('  $%s: %s'):format(skill.name, about))
    end
  end
  if none then
    table.insert(lines, '  none')
  end
end

local function server_lines(lines, servers)
  heading(lines, 'MCP servers')
  for _, server in ipairs(servers) do
    local heard = session.servers[server.name] or {}
    local broken = server.toolsError or heard.status == 'failed' and (heard.error or 'it did not start')
    if heard.status == 'starting' then
      table.insert(lines, ('  %s: is starting'):format(server.name))
    elseif broken then
      table.insert(lines, ('  ! %s: %s'):format(server.name, one_line(broken)))
    else
      local tools = vim.tbl_keys(server.tools)
      table.sort(tools)
      table.insert(lines, ('  %s: %s'):format(server.name, #tools > 0 and table.concat(tools, ', ') or 'no tools'))
    end
  end
  if #servers == 0 then
    table.insert(lines, '  none')
  end
end

--- Opens the overview, or draws it again.
function M.open()
  local buffer = window.open('codexhost://status', 'codexhost-status', {
    R = M.open,
  })
  session.call('skills/list', { cwds = { vim.fn.getcwd() } }, function(skills)
    local params = { threadId = session.thread and session.thread.id or nil }
    session.call('mcpServerStatus/list', next(params) and params or vim.empty_dict(), function(servers)
      local lines = { 'Host', '  ' .. session.host.userAgent, '  process ' .. session.pid(), '  home ' .. session.host.codexHome }
      thread_lines(lines)
      skill_lines(lines, skills.data)
      server_lines(lines, servers.data)
      window.draw(buffer, lines)
    end)
  end)
end
return M
