-- A complete client of the host: nvim --headless -u NONE -S client.lua -- [PROMPT [HOST [ARGUMENT...]]]
local args = vim.fn.argv()
local prompt, host = args[1] or 'Hello', #args > 1 and vim.list_slice(args, 2) or { 'codexhost', 'app-server' }
local job, last_id, waiting, rest = nil, 0, {}, ''
io.stdout:setvbuf('no')

local function finish(reason)
  if reason then io.stderr:write(reason, '\n') end
  io.stdout:write('\n')
  vim.cmd(reason and 'cquit 1' or 'qall!') -- the host ends with its input
end

local function send(message) vim.fn.chansend(job, vim.json.encode(message) .. '\n') end

local function call(method, params, done)
  last_id = last_id + 1
  waiting[last_id] = function(message)
    if message.error then return finish(method .. ': ' .. message.error.message) end
    done(message.result)
  end
  send({ id = last_id, method = method, params = params })
end

-- Serves what is no answer: a request of the host has an id, a notification has none.
local function handle(message)
  local method, params = message.method, message.params or {}
  if method == 'item/agentMessage/delta' then
    io.stdout:write(params.delta)
  elseif method == 'item/completed' and params.item.type == 'commandExecution' then
    local output = params.item.aggregatedOutput or ''
    io.stdout:write(('[%s: %s]\n%s'):format(params.item.status, params.item.command, output))
  elseif method == 'error' then
    io.stderr:write(params.error.message, '\n')
  elseif method == 'turn/completed' then
    finish(params.turn.status ~= 'completed' and 'the turn ' .. params.turn.status or nil)
  elseif method == 'item/commandExecution/requestApproval' or method == 'item/fileChange/requestApproval' then
    io.stdout:write(params.command and 'Run ' .. params.command .. ' ?' or 'Change files?', ' [y/N]\n')
    send({ id = message.id, result = { decision = io.read() == 'y' and 'accept' or 'decline' } })
  elseif message.id then
    send({ id = message.id, error = { code = -32601, message = method .. ' is not supported' } })
  end
end

job = vim.fn.jobstart(host, {
  on_stdout = function(_, pieces) -- the first piece goes on where the last one ended
    pieces[1] = rest .. pieces[1]
    rest = table.remove(pieces)
    for _, line in ipairs(pieces) do
      local message = vim.json.decode(line, { luanil = { object = true, array = true } })
      if message.method then handle(message) else waiting[message.id](message) end
    end
  end,
  on_exit = function(_, status) finish('the host ended with status ' .. status) end,
})
call('initialize', { clientInfo = { name = 'client_lua', version = '1' } }, function()
  send({ method = 'initialized' })
  call('thread/start', { approvalPolicy = 'untrusted' }, function(started)
    call('turn/start', { threadId = started.thread.id, input = { { type = 'text', text = prompt } } }, function() end)
  end)
end)
