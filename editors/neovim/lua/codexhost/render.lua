--- Items of a thread as lines of text: pure functions, one for each type of item.
local config = require('codexhost.config')

local M = {}

local function lines_of(text, prefix)
  local lines = vim.split((text:gsub('\r\n', '\n'):gsub('\n+$', '')), '\n', { plain = true })
  for i, line in ipairs(lines) do
    lines[i] = prefix .. line
  end
  return lines
end

local function tail(lines, most)
  if #lines <= most then
    return lines
  end
  local kept = vim.list_slice(lines, #lines - most + 1)
  table.insert(kept, 1, ('    ... %d lines before'):format(#lines - most))
  return kept
end

local function outcome(item)
  if item.status == 'inProgress' then
    return 'running'
  elseif item.status == 'declined' then
    return 'declined'
  elseif item.exitCode and item.exitCode ~= 0 then
    return 'exit status ' .. item.exitCode
  elseif item.status == 'failed' then
    return 'failed'
  end
  return item.durationMs and item.durationMs >= 1000 and ('done in %.1f s'):format(item.durationMs / 1000) or 'done'
end

--- A command without the shell that it is handed to, if nothing else is lost by that.
--- commandActions would read better, but leave parts of a command out.
function M.command(text)
  local script = (text or ''):match('^%S*sh %-l?c (.+)$')
  if not script then
    return text or ''
  end
  local single, double = script:match("^'([^']*)'$"), script:match('^"(.*)"$')
  if single then
    return single
  elseif double and not double:gsub('\\.', ''):find('"', 1, true) then
    return (double:gsub('\\(["\\$`])', '%1'))
  end
  return script:find('[%s\'"\\]') and text or script
end

local render = {}

function render.userMessage(item)
  local lines = {}
  for _, part in ipairs(item.content or {}) do
    if part.type == 'text' then
      vim.list_extend(lines, lines_of(part.text, '> '))
    else
      table.insert(lines, '> [' .. (part.name or part.path or part.url or part.type) .. ']')
    end
  end
  return lines
end

function render.agentMessage(item)
  return item.text and item.text ~= '' and lines_of(item.text, '') or nil
end

render.plan = render.agentMessage

function render.reasoning(item)
  local parts = item.summary and #item.summary > 0 and item.summary or item.content or {}
  return #parts > 0 and lines_of(table.concat(parts, '\n'), '~ ') or nil
end

function render.commandExecution(item)
  local lines = lines_of(M.command(item.command), '  ')
  lines[1] = '$' .. lines[1]:sub(2)
  lines[#lines] = lines[#lines] .. '  [' .. outcome(item) .. ']'
  if item.aggregatedOutput and item.aggregatedOutput ~= '' then
    vim.list_extend(lines, tail(lines_of(item.aggregatedOutput, '    '), config.get().output_lines))
  end
  return lines
end

function render.fileChange(item)
  local lines = {}
  for _, change in ipairs(item.changes or {}) do
    local kind = type(change.kind) == 'table' and change.kind.type or change.kind
    local moved = type(change.kind) == 'table' and change.kind.move_path
    local path = vim.fn.fnamemodify(change.path, ':~:.')
    if moved then
      path = path .. ' -> ' .. vim.fn.fnamemodify(moved, ':~:.')
    end
    table.insert(lines, ('± %s %s  [%s]'):format(kind, path, outcome(item)))
  end
  return lines
end

function render.mcpToolCall(item)
  local arguments = type(item.arguments) == 'table' and next(item.arguments) and ' ' .. vim.json.encode(item.arguments)
  local lines = { ('* %s/%s%s  [%s]'):format(item.server, item.tool, arguments or '', outcome(item)) }
  local parts = { item.error and item.error.message }
  for _, part in ipairs(item.result and item.result.content or {}) do
    table.insert(parts, part.text or ('[%s]'):format(part.type))
  end
  if #parts > 0 then
    vim.list_extend(lines, tail(lines_of(table.concat(parts, '\n'), '    '), config.get().output_lines))
  end
  return lines
end

function render.contextCompaction()
  return { '* the conversation was condensed' }
end

function render.webSearch(item)
  return { '* searched the web: ' .. (item.query or '') }
end

--- The lines of an item, or nil if there is nothing to show (yet).
function M.item(item)
  local lines
  if render[item.type] then
    lines = render[item.type](item)
  else
    lines = { '* ' .. item.type }
  end
  return lines and #lines > 0 and lines or nil
end

local boxes = { completed = '[x] ', inProgress = '[>] ', pending = '[ ] ' }

function M.plan(params)
  local lines = { 'Plan' .. (params.explanation and ': ' .. params.explanation or '') }
  for _, step in ipairs(params.plan or {}) do
    table.insert(lines, '- ' .. (boxes[step.status] or '') .. step.step)
  end
  return lines
end

return M
