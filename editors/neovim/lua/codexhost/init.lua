--- What commands and mappings call, see |codexhost-lua|.
local M = {}

local function session()
  require('codexhost.chat').buffer() -- it shows what happens from now on
  return require('codexhost.session')
end

--- Changes settings, see |codexhost-settings|. Not needed if the defaults will do.
function M.setup(opts)
  require('codexhost.config').set(opts)
end

function M.open()
  require('codexhost.chat').open()
end

--- Says something: to the turn that runs, or else in a new turn.
function M.ask(text)
  session().prompt(text)
end

--- Says something to the turn that runs; without one it is a new turn.
M.steer = M.ask

--- Sends lines of the current buffer, under a question.
function M.send_lines(first, last, question)
  local path = vim.fn.expand('%:.')
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, false)
  local text = ('%s, lines %d to %d:\n```%s\n%s\n```'):format(
    path ~= '' and path or 'a new file',
    first,
    last,
    vim.bo.filetype,
    table.concat(lines, '\n')
  )
  if question and question ~= '' then
    text = question .. '\n\n' .. text
  end
  M.open()
  M.ask(text)
end

function M.new()
  session().new()
end

--- Opens the list of threads. opts.all: of every folder; opts.search: with this text.
function M.threads(opts)
  session()
  require('codexhost.threads').open(opts or {})
end

--- Goes on in a copy of the thread, see |:CodexhostFork|.
function M.fork()
  session()
  require('codexhost.chat').fork()
end

--- Names the current thread.
function M.rename(name)
  local s = session()
  if not s.thread then
    return s.notice('There is no thread to name.')
  end
  s.call('thread/name/set', { threadId = s.thread.id, name = name })
end

--- Chooses what the next turns use. An empty value is asked for.
--- name: 'model', 'sandbox', 'approval_policy' or 'mode'.
function M.choose(name, value)
  session()
  local choose = require('codexhost.choose')
  if name == 'model' then
    return choose.model(value or '')
  end
  choose.choose(name, value or '')
end

--- Shows the host, the thread, skills and MCP servers, and what is wrong with them.
function M.status()
  session()
  require('codexhost.status').open()
end

function M.interrupt()
  session().interrupt()
end

--- Asks again what was dismissed.
function M.approve()
  if not require('codexhost.approval').reopen() then
    session().notice('No question is open.')
  end
end

function M.diff()
  session()
  require('codexhost.chat').diff()
end

function M.stop()
  session().stop()
end

--- For a statusline: what the session does, and how much room the model's context has. Empty until something was
--- started. There is no percent sign in it, which statuslines would take for their own.
function M.statusline()
  if not package.loaded['codexhost.session'] then
    return ''
  end
  local s = require('codexhost.session')
  local text = 'codexhost: ' .. s.status()
  local usage = s.usage
  if usage and usage.modelContextWindow and usage.last then
    text = text .. (', %dk tokens left'):format(math.max(0, usage.modelContextWindow - usage.last.totalTokens) / 1000)
  end
  return text
end

return M
