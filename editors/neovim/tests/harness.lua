-- What the cases share: a chat with a real host and the offline model, a user who answers, and waits that have a bound.
local session = require('codexhost.session')
local chat = require('codexhost.chat')
local codexhost = require('codexhost')
local uv = vim.uv or vim.loop

local host = assert(os.getenv('HOST'), 'HOST is not set')
local PATIENCE = tonumber(os.getenv('PATIENCE') or 60) * 1000

local M = {
  host = host,
  asked = {}, -- what vim.ui.select was asked, newest last
  answers = {}, -- what it will answer: a label's start, or false to dismiss; without an answer it is left open
  prompts = {}, -- what vim.ui.input was asked, newest last
  typed = {}, -- what it will answer: a text, false to dismiss, or true for what is typed already
  list = {}, -- the cases, in order
}

vim.ui.select = function(items, opts, done)
  local labels = vim.tbl_map(opts.format_item or tostring, items)
  table.insert(M.asked, { prompt = opts.prompt, labels = labels, done = done, items = items })
  local answer = table.remove(M.answers, 1)
  if answer == nil then
    return -- left open, as a popup would be
  elseif answer == false then
    return done(nil)
  end
  for i, label in ipairs(labels) do
    if label:sub(1, #answer) == answer then
      return done(items[i], i)
    end
  end
  error(('no choice %q in: %s'):format(answer, table.concat(labels, ' | ')))
end

vim.ui.input = function(opts, done)
  table.insert(M.prompts, opts.prompt)
  local text = table.remove(M.typed, 1)
  if text ~= nil then
    done(text == true and (opts.default or '') or text or nil)
  end
end

function M.text()
  return table.concat(vim.api.nvim_buf_get_lines(chat.buffer(), 0, -1, false), '\n')
end

function M.wait(what, condition)
  if not vim.wait(PATIENCE, condition, 5) then
    error(('waited in vain for %s; status %s, text:\n%s'):format(what, session.status(), M.text()), 2)
  end
end

function M.wait_text(wanted)
  M.wait('the text ' .. wanted, function()
    return M.text():find(wanted, 1, true) ~= nil
  end)
end

function M.idle()
  M.wait('the end of the turn', function()
    return session.status() == 'idle'
  end)
end

-- Says something and waits for the end of the turn.
function M.say(prompt)
  local ended = false
  session.subscribe(function(event)
    ended = ended or event == 'turn/completed'
  end)
  vim.cmd('Codexhost ' .. prompt)
  M.wait('the end of: ' .. prompt, function()
    return ended
  end)
  M.idle()
end

function M.contains(all, part)
  if not all:find(part, 1, true) then
    error(('%q is not in:\n%s'):format(part, all), 2)
  end
end

function M.lacks(all, part)
  if all:find(part, 1, true) then
    error(('%q is in:\n%s'):format(part, all), 2)
  end
end

function M.fresh(opts)
  M.answers, M.asked, M.typed, M.prompts = {}, {}, {}, {}
  session.chosen = {}
  session.stop()
  M.wait('the end of the host', function()
    return not session.running()
  end)
  codexhost.setup(vim.tbl_extend('force', {
    cmd = { host, 'app-server' },
    approval_policy = 'untrusted',
    sandbox = 'danger-full-access',
  }, opts or {}))
  session.thread = nil
  vim.cmd('CodexhostNew')
  M.wait('a thread', function()
    return session.status() == 'idle' and session.thread ~= nil
  end)
end

function M.read(path)
  local file = io.open(path)
  local content = file and file:read('*a')
  if file then
    file:close()
  end
  return content
end


--- Lets MCP servers be configured while run() is running.
function M.with_config(config, run)
  local path = os.getenv('CODEX_HOME') .. '/config.toml'
  local file = assert(io.open(path, 'w'))
  file:write(config)
  file:close()
  local ok, why = xpcall(run, debug.traceback)
  os.remove(path)
  assert(ok, why)
end

function M.same(got, wanted)
  if not vim.deep_equal(got, wanted) then
    error(('got %s, wanted %s'):format(vim.inspect(got), vim.inspect(wanted)), 2)
  end
end

function M.test(name, run)
  table.insert(M.list, { name = name, run = run })
end

return M
