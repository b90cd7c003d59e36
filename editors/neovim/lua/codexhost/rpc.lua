--- One connection to a host: JSON lines over its standard streams. It knows messages, not what they mean.
local M = {}

local Connection = {}
Connection.__index = Connection

--- The params of initialize. Modes of a turn (plan) are behind experimentalApi.
M.hello = {
  clientInfo = { name = 'codexhost.nvim', title = 'Neovim', version = '0.1.0' },
  capabilities = { experimentalApi = true },
}

local decoding = { luanil = { object = true, array = true } }

--- Starts a host.
--- handlers: notification(method, params), request(id, method, params, line), exit(status, last_words); line is the
--- message as it came. Exactly one exit is told, after every open request was failed.
--- Returns the connection, or nil and why there is none.
function M.connect(cmd, opts, handlers)
  local self = setmetatable({ handlers = handlers, waiting = {}, last_id = 0, words = {} }, Connection)
  local stdout, stderr = '', ''
  local ok, job = pcall(vim.fn.jobstart, cmd, {
    cwd = opts.cwd,
    env = opts.env,
    on_stdout = function(_, pieces)
      pieces[1] = stdout .. pieces[1]
      stdout = table.remove(pieces)
      for _, line in ipairs(pieces) do
        self:receive(line)
      end
    end,
    on_stderr = function(_, pieces)
      pieces[1] = stderr .. pieces[1]
      stderr = table.remove(pieces)
      for _, line in ipairs(pieces) do
        self:hear(line)
      end
    end,
    on_exit = function(_, status)
      self:hear(stderr)
      self:exit(status)
    end,
  })
  if not ok or job <= 0 then
    return nil, ('%s cannot be started: is it installed, and on your PATH?'):format(cmd[1])
  end
  self.job = job
  self.pid = vim.fn.jobpid(job)
  return self
end

-- Keeps the last words of the host, for the case that it dies.
function Connection:hear(line)
  if line ~= '' then
    table.insert(self.words, line)
    if #self.words > 20 then
      table.remove(self.words, 1)
    end
  end
end

function Connection:exit(status)
  if self.ended then
    return
  end
  self.ended = true
  local waiting = self.waiting
  self.waiting = {}
  for _, entry in pairs(waiting) do
    entry({ message = 'the host ended with status ' .. status, data = { kind = 'hostEnded', retryable = true } })
  end
  self.handlers.exit(status, self.words)
end

function Connection:receive(line)
  if line == '' then
    return
  end
  local ok, message = pcall(vim.json.decode, line, decoding)
  if not ok or type(message) ~= 'table' then
    return self:hear('not a message: ' .. line:sub(1, 200))
  end
  if message.method and message.id ~= nil then
    self.handlers.request(message.id, message.method, message.params or {}, line)
  elseif message.method then
    self.handlers.notification(message.method, message.params or {})
  else
    local entry = message.id ~= nil and self.waiting[message.id]
    if entry then
      self.waiting[message.id] = nil
      entry(message.error, message.result)
    end
  end
end

function Connection:send(message)
  if not self.ended then
    pcall(vim.fn.chansend, self.job, vim.json.encode(message) .. '\n') -- if it is gone, exit says so
  end
end

--- Sends a request. done(err, result) is called exactly once, never before request returns.
function Connection:request(method, params, timeout, done)
  self.last_id = self.last_id + 1
  local id = self.last_id
  if self.ended then
    return vim.schedule(function()
      done({ message = 'the host is not running', data = { kind = 'hostEnded', retryable = true } })
    end)
  end
  self.waiting[id] = done
  self:send({ id = id, method = method, params = params })
  vim.defer_fn(function()
    if self.waiting[id] == done then
      self.waiting[id] = nil
      done({ message = ('no answer to %s within %d s'):format(method, timeout), data = { retryable = true } })
    end
  end, timeout * 1000)
end

function Connection:notify(method)
  self:send({ method = method })
end

function Connection:respond(id, result)
  self:send({ id = id, result = result })
end

function Connection:refuse(id, message)
  self:send({ id = id, error = { code = -32601, message = message } })
end

--- Ends the input of the host, which then ends by itself.
function Connection:close()
  if not self.ended then
    pcall(vim.fn.chanclose, self.job, 'stdin')
  end
end

--- An error of the host in a sentence: what happened, and what to do about it.
function M.describe(err)
  local text = err.message or 'unknown error'
  local data = type(err.data) == 'table' and err.data or {}
  if data.remedy then
    text = text .. ' (' .. data.remedy .. ')'
  end
  return text
end

--- What kind of error it is, or nil: see the guide for the kinds. codex tells by its text alone.
function M.kind(err)
  if not err then
    return nil
  elseif type(err.data) == 'table' and err.data.kind then
    return err.data.kind
  elseif err.message:find('no active turn', 1, true) == 1 then
    return 'noActiveTurn'
  elseif err.message:find('no rollout found', 1, true) == 1 then
    return 'threadNotFound'
  end
end

return M
