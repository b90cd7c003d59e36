--- Settings, see |codexhost-settings|.
local M = {}

local defaults = {
  cmd = { 'codexhost', 'app-server' },
  env = nil, -- variables added to the host's environment
  model = nil, -- these three: nil leaves it to the host's config.toml
  approval_policy = nil,
  sandbox = nil,
  open_diff = 'approval', -- or 'always', 'never'
  window = 'botright vsplit', -- how the chat's window is made
  input_height = 6,
  output_lines = 200, -- the most lines shown of one command's output
  request_timeout = 60, -- seconds
}

local current = vim.deepcopy(defaults)

function M.set(opts)
  opts = opts or {}
  for name in pairs(opts) do
    if defaults[name] == nil and not vim.tbl_contains({ 'env', 'model', 'approval_policy', 'sandbox' }, name) then
      error('codexhost: there is no setting ' .. name, 3)
    end
  end
  current = vim.tbl_extend('force', vim.deepcopy(defaults), opts)
end

function M.get()
  return current
end

return M
