--- What the next turns use: model, sandbox, approvals, mode. Each is named, or else picked.
local session = require('codexhost.session')

local M = {}

--- The values there are, except for models, which the host lists.
M.values = {
  sandbox = {
    { 'read-only', 'commands write nothing and have no network' },
    { 'workspace-write', 'commands write in this folder and temporary ones, and have no network' },
    { 'danger-full-access', 'commands do whatever you can do' },
  },
  approval_policy = {
    { 'untrusted', 'ask before every command and change' },
    { 'on-request', 'ask before what leaves the sandbox' },
    { 'never', 'never ask; what the sandbox does not allow fails' },
  },
  mode = {
    { 'default', 'work' },
    { 'plan', 'work out a plan first, with questions to you' },
  },
}

local function now(name)
  local settings = session.settings
  local told = {
    model = settings.model,
    sandbox = settings.sandbox and session.sandbox_name(settings.sandbox),
    approval_policy = settings.approvalPolicy,
    mode = settings.mode,
  }
  return session.wanted(name) or told[name]
end

local function pick(name, values, prompt)
  local current = now(name)
  vim.ui.select(values, {
    prompt = prompt,
    kind = 'codexhost-' .. name,
    format_item = function(value)
      return value[1] .. (value[1] == current and ' (now)' or '') .. (value[2] ~= '' and ': ' .. value[2] or '')
    end,
  }, function(value)
    if value then
      session.choose(name, value[1])
    end
  end)
end

--- An empty value is asked for.
function M.choose(name, value)
  if value ~= '' then
    for _, known in ipairs(M.values[name]) do
      if known[1] == value then
        return session.choose(name, value)
      end
    end
    return session.notice(('There is no %s %s.'):format(name:gsub('_', ' '), value))
  end
  local prompts = { sandbox = 'What may commands do?', approval_policy = 'When to ask you?', mode = 'What to do?' }
  pick(name, M.values[name], prompts[name])
end

--- Any name is taken: a provider can have models that the host does not know.
function M.model(value)
  if value ~= '' then
    return session.choose('model', value)
  end
  session.call('model/list', vim.empty_dict(), function(result)
    local values = {}
    for _, model in ipairs(result.data) do
      table.insert(values, { model.model, model.description or '' })
    end
    pick('model', values, 'Model of the next turns:')
  end)
end

return M
