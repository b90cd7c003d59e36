--- The host's process and the thread that is talked in. Nothing here draws; others subscribe.
---
--- Listeners get (event, payload): every notification of the current thread by its method, and of our own
---   thread  the thread that is current from now on, with its turns
---   notice  a sentence for the user
---   changed the status may have changed
local config = require('codexhost.config')
local rpc = require('codexhost.rpc')

local M = {
  host = nil, -- what the host said of itself: userAgent, codexHome
  thread = nil, -- the current thread
  turn = nil, -- id of the turn that runs
  usage = nil, -- of tokens, as last told
  diff = nil, -- of the last turn that changed files
  items = {}, -- the items of the turn that runs, by id
  settings = {}, -- of the current thread, as last told: model, sandbox (a policy), approvalPolicy, mode
  servers = {}, -- the MCP servers that were heard of, by name: status and error
  chosen = {}, -- what the user chose since Neovim began: model, sandbox, approval_policy, mode
}

local connection
local loaded = false -- whether the current thread is known to the host that runs
local starting -- callbacks that wait for a host and a thread
local listeners = {}
local requests = {} -- open requests of the host, by id

function M.subscribe(listener)
  table.insert(listeners, listener)
end

local function emit(event, payload)
  for _, listener in ipairs(listeners) do
    listener(event, payload or {})
  end
end

function M.notice(text)
  emit('notice', { text = text })
end

--- What new and resumed threads begin with: what was chosen, or else what setup() was given.
function M.wanted(name)
  return M.chosen[name] or config.get()[name]
end

local function request(method, params, done)
  connection:request(method, params, config.get().request_timeout, done)
end

function M.running()
  return connection ~= nil and not connection.ended
end

function M.pid()
  return M.running() and connection.pid or nil
end

--- 'off', 'starting', 'idle', 'running' or 'waiting' for the user.
function M.status()
  if starting then
    return 'starting'
  elseif not M.running() then
    return 'off'
  elseif next(requests) ~= nil then
    return 'waiting'
  end
  return M.turn and 'running' or 'idle'
end

local track = {
  ['turn/started'] = function(params)
    M.turn, M.items = params.turn.id, {}
  end,
  ['turn/completed'] = function()
    M.turn = nil
  end,
  ['item/started'] = function(params)
    M.items[params.item.id] = params.item
  end,
  ['item/completed'] = function(params)
    M.items[params.item.id] = params.item
  end,
  ['turn/diff/updated'] = function(params)
    M.diff = params.diff
  end,
  ['thread/tokenUsage/updated'] = function(params)
    M.usage = params.tokenUsage
  end,
  ['thread/name/updated'] = function(params)
    M.thread.name = params.threadName
  end,
  ['mcpServer/startupStatus/updated'] = function(params)
    M.servers[params.name] = { status = params.status, error = params.error }
  end,
  ['thread/settings/updated'] = function(params)
    local now = params.threadSettings
    M.settings = {
      model = now.model,
      sandbox = now.sandboxPolicy,
      approvalPolicy = now.approvalPolicy,
      mode = now.collaborationMode.mode,
    }
  end,
}

local function on_notification(method, params)
  if method == 'serverRequest/resolved' then
    requests[params.requestId] = nil
    require('codexhost.approval').resolved(params.requestId)
  end
  if params.threadId and not (M.thread and params.threadId == M.thread.id) then
    return -- of a thread that was left
  end
  if track[method] then
    track[method](params)
  end
  emit(method, params)
  emit('changed')
end

local function on_request(id, method, params, line)
  local asked = connection
  requests[id] = true
  local known = require('codexhost.approval').ask(id, method, params, line, function(result)
    requests[id] = nil
    asked:respond(id, result)
    emit('changed')
  end)
  if not known then
    requests[id] = nil
    asked:refuse(id, method .. ' is not supported by this client')
  end
  emit('changed')
end

local function on_exit(status, words)
  requests = {}
  require('codexhost.approval').forget()
  local interrupted = M.turn ~= nil
  M.turn = nil
  if not connection.closing then
    local last = words[#words]
    M.notice(('The host ended with status %d%s%s. The next message starts it again.'):format(
      status,
      interrupted and ', the turn is lost' or '',
      last and ': ' .. last or ''
    ))
  end
  emit('changed')
end

local function started(err)
  local callbacks = starting or {}
  starting = nil
  for _, callback in ipairs(callbacks) do
    callback(err)
  end
  emit('changed')
end

-- Takes the answer to thread/start, thread/resume or thread/fork.
local function set_thread(answer)
  local thread = answer.thread
  M.thread, M.turn, M.usage, M.diff, M.items = thread, nil, nil, nil, {}
  M.settings = {
    model = answer.model,
    sandbox = answer.sandbox,
    approvalPolicy = answer.approvalPolicy,
    mode = answer.collaborationMode and answer.collaborationMode.mode or 'default',
  }
  loaded = true
  local last = thread.turns and thread.turns[#thread.turns]
  if last and last.status == 'inProgress' then
    M.turn = last.id
    for _, item in ipairs(last.items or {}) do
      M.items[item.id] = item
    end
  end
  emit('thread', thread)
end

local function enter(method, params, done)
  params.approvalPolicy = M.wanted('approval_policy')
  params.sandbox = M.wanted('sandbox')
  request(method, params, function(err, result)
    if not err then
      set_thread(result)
    end
    done(err)
  end)
end

local function start_thread(done)
  enter('thread/start', { cwd = vim.fn.getcwd(), model = M.wanted('model') }, done)
end

-- A thread keeps its model, but not what it may do.
local function resume_thread(id, done)
  enter('thread/resume', { threadId = id }, done)
end

-- A thread that was not used yet has no file: after a death of the host there is nothing to resume.
local function go_on(done)
  if not M.thread then
    return start_thread(done)
  end
  resume_thread(M.thread.id, function(err)
    if rpc.kind(err) == 'threadNotFound' then
      M.thread = nil
      return start_thread(done)
    end
    done(err)
  end)
end

local function connect(done)
  local settings = config.get()
  local why
  loaded = false
  connection, why = rpc.connect(settings.cmd, { env = settings.env }, {
    notification = on_notification,
    request = on_request,
    exit = on_exit,
  })
  if not connection then
    return done({ message = why })
  end
  request('initialize', rpc.hello, function(err, result)
    if not err then
      M.host, M.servers = result, {}
      connection:notify('initialized')
    end
    done(err)
  end)
end

--- Sees to it that the host runs; with_thread: that a thread is there, too. Callers who come meanwhile wait along.
local function ensure(with_thread, done)
  if starting then
    return table.insert(starting, function(err)
      if err then
        return done(err)
      end
      ensure(with_thread, done)
    end)
  end
  local fresh = not M.running()
  if not fresh and (loaded or not with_thread) then
    return done(nil)
  end
  starting = { done }
  emit('changed')
  local function thread(err)
    if err or not with_thread then
      return started(err)
    end
    go_on(started)
  end
  if fresh then
    return connect(thread)
  end
  thread(nil)
end

local function report(err)
  if err then
    M.notice(rpc.describe(err))
  end
  return err ~= nil
end

local function input(text)
  return { { type = 'text', text = text, text_elements = {} } }
end

local policies = {
  ['read-only'] = 'readOnly',
  ['workspace-write'] = 'workspaceWrite',
  ['danger-full-access'] = 'dangerFullAccess',
}

--- The name by which a sandbox is chosen, of the policy that the host tells.
function M.sandbox_name(policy)
  for name, type in pairs(policies) do
    if policy and policy.type == type then
      return name
    end
  end
  return policy and policy.type or '?'
end

local function start_turn(text)
  local chosen = M.chosen
  request('turn/start', {
    threadId = M.thread.id,
    input = input(text),
    model = chosen.model,
    approvalPolicy = chosen.approval_policy,
    sandboxPolicy = chosen.sandbox and { type = policies[chosen.sandbox] } or nil,
    collaborationMode = chosen.mode and {
      mode = chosen.mode,
      settings = { model = chosen.model or M.settings.model },
    } or nil,
  }, report)
end

local function steer_turn(text)
  request('turn/steer', { threadId = M.thread.id, expectedTurnId = M.turn, input = input(text) }, function(err)
    if rpc.kind(err) == 'noActiveTurn' then
      return start_turn(text) -- it ended in between
    end
    report(err)
  end)
end

--- Says something: to the turn that runs, or else in a new turn.
function M.prompt(text)
  ensure(true, function(err)
    if report(err) then
      return
    end
    if M.turn then
      steer_turn(text)
    else
      start_turn(text)
    end
  end)
end

function M.interrupt()
  if not (M.running() and M.turn) then
    return
  end
  request('turn/interrupt', { threadId = M.thread.id, turnId = M.turn }, function(err)
    if rpc.kind(err) ~= 'noActiveTurn' then
      report(err)
    end
  end)
end

-- What a thread that is left still does is not shown any more; the host need not tell.
local function leave()
  if M.running() and loaded then
    request('thread/unsubscribe', { threadId = M.thread.id }, function() end)
  end
  M.thread, M.turn, loaded = nil, nil, false
end

function M.new()
  leave()
  ensure(true, report)
end

function M.resume(id)
  ensure(false, function(err)
    if report(err) then
      return
    end
    if not (M.thread and M.thread.id == id) then
      leave()
    end
    resume_thread(id, report)
  end)
end

--- Goes on in a new thread that has what the thread id has, up to and with a turn; nil: all of it.
function M.fork(id, turn)
  ensure(false, function(err)
    if report(err) then
      return
    end
    local left = loaded and M.thread.id
    enter('thread/fork', { threadId = id, lastTurnId = turn }, function(failed)
      if not report(failed) and left then
        request('thread/unsubscribe', { threadId = left }, function() end)
      end
    end)
  end)
end

--- Asks the host, which is started if need be, about something beside the thread. An error is told, and done not called.
function M.call(method, params, done)
  ensure(false, function(err)
    if report(err) then
      return
    end
    request(method, params, function(failed, result)
      if not report(failed) and done then
        done(result)
      end
    end)
  end)
end

--- Chooses what the next turns use: name is a key of M.chosen.
function M.choose(name, value)
  M.chosen[name] = value
  emit('changed')
end

--- Ends the host. The thread stays current: the next message resumes it.
--- At the end of its input the host finishes what runs, so the turn is interrupted before.
function M.stop()
  if M.running() then
    connection.closing = true
    M.interrupt()
    connection:close()
  end
end

vim.api.nvim_create_autocmd('VimLeavePre', {
  group = vim.api.nvim_create_augroup('codexhost', {}),
  callback = M.stop,
})

return M
