-- The host's life and death, its settings, its messages.
local h = require('harness')
local codexhost = require('codexhost')
local session = require('codexhost.session')
local uv = vim.uv or vim.loop
local contains, fresh, lacks, same, say, test, text, wait, wait_text = h.contains, h.fresh, h.lacks, h.same, h.say, h.test, h.text, h.wait, h.wait_text

test('a host that dies is told of, and started again with the same thread', function()
  fresh()
  say('say:before')
  local id, pid = session.thread.id, session.pid()
  vim.cmd('Codexhost stall:')
  wait('the turn', function()
    return session.status() == 'running'
  end)
  uv.kill(pid, 'sigkill')
  wait_text('The host ended with status')
  contains(text(), 'the turn is lost')
  assert(session.status() == 'off', session.status())
  say('say:after')
  contains(text(), '\nbefore')
  contains(text(), '\nafter')
  assert(session.thread.id == id, 'another thread')
  assert(session.pid() ~= pid)
end)

test('a host that dies before anything was said is started again with another thread', function()
  fresh()
  uv.kill(session.pid(), 'sigkill')
  wait_text('The host ended with status')
  say('say:after')
  contains(text(), '\nafter')
  local kind = require('codexhost.rpc').kind
  assert(kind({ message = 'no rollout found for thread id x' }) == 'threadNotFound')
  assert(kind({ message = 'no active turn to steer' }) == 'noActiveTurn')
  assert(kind({ message = 'other' }) == nil)
end)

test('a host that dies with a question open takes it along', function()
  fresh()
  vim.cmd('Codexhost exec:echo lost')
  wait('the question', function()
    return #h.asked == 1
  end)
  uv.kill(session.pid(), 'sigkill')
  wait_text('The host ended with status')
  h.asked[1].done(h.asked[1].items[1])
  say('say:after')
  contains(text(), '\nafter')
end)

test('the host is stopped in the middle of a turn, and started by the next message', function()
  fresh()
  say('say:before')
  local pid = session.pid()
  vim.cmd('Codexhost stall:')
  wait('the turn', function()
    return session.status() == 'running'
  end)
  vim.cmd('CodexhostStop')
  wait('the end of the host', function()
    return session.status() == 'off'
  end)
  assert(not uv.kill(pid, 0), 'it is still there')
  lacks(text(), 'The host ended')
  say('say:after')
  contains(text(), '\nbefore')
end)

test('a program that is not there is told of', function()
  fresh()
  session.stop()
  wait('the end', function()
    return not session.running()
  end)
  codexhost.setup({ cmd = { 'no-such-program' } })
  vim.cmd('Codexhost hello')
  wait_text('no-such-program cannot be started')
  assert(session.status() == 'off')
end)

test('a broken configuration is told of, and its repair is noticed', function()
  fresh()
  session.stop()
  wait('the end', function()
    return not session.running()
  end)
  local path = os.getenv('CODEX_HOME') .. '/config.toml'
  local file = io.open(path, 'w')
  file:write('model = [\n')
  file:close()
  session.thread = nil
  vim.cmd('Codexhost say:hello')
  wait_text('config')
  os.remove(path)
  fresh()
  say('say:repaired')
end)

test('an unknown setting is refused', function()
  local ok, why = pcall(codexhost.setup, { comand = {} })
  assert(not ok)
  contains(why, 'comand')
end)

test('messages are put together from pieces, and junk is left out', function()
  local rpc = require('codexhost.rpc')
  local heard, ended, answer = {}, nil, nil
  local script = [[
    read -r line
    printf 'junk\n{"method":"a","params":{"x":"'; sleep 0.05; printf '\303'; sleep 0.05
    printf '\274"}}\n{"method":"b"}\n\n[]\n{"id":7,"result":1}\n{"id":1,"err'; sleep 0.05
    printf 'or":{"code":1,"message":"no","data":{"remedy":"do"}}}\n'; echo last words >&2; exit 3]]
  local connection = rpc.connect({ 'sh', '-c', script }, {}, {
    notification = function(method, params)
      table.insert(heard, method .. (params.x or ''))
    end,
    request = function() end,
    exit = function(status, words)
      ended = { status, words }
    end,
  })
  local lost
  connection:request('first', {}, 10, function(err)
    answer = rpc.describe(err)
  end)
  connection:request('second', {}, 10, function(err)
    lost = rpc.kind(err)
  end)
  wait('the end', function()
    return ended
  end)
  same(heard, { 'aü', 'b' })
  same(answer, 'no (do)')
  same(lost, 'hostEnded')
  same(ended[1], 3)
  contains(table.concat(ended[2], '|'), 'last words')
  connection:request('third', {}, 10, function(err)
    lost = err.message
  end)
  wait('an error', function()
    return lost == 'the host is not running'
  end)
end)

test('a request without an answer is given up', function()
  local connection = require('codexhost.rpc').connect({ 'cat' }, {}, {
    notification = function() end,
    request = function() end, -- cat sends the request back
    exit = function() end,
  })
  local why
  connection:request('slow', {}, 0.05, function(err)
    why = err.message
  end)
  wait('the end of patience', function()
    return why
  end)
  contains(why, 'no answer to slow')
  connection:close()
end)

test(':checkhealth finds the host', function()
  codexhost.setup({ cmd = { h.host, 'app-server' } })
  vim.cmd('silent checkhealth codexhost')
  local all = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  contains(all, 'The host answers: codexhost.nvim/')
  contains(all, 'The model is ')
  lacks(all, 'ERROR')
  h.with_config('[mcp_servers.gone]\ncommand = "no-such-server"\n', function()
    vim.cmd('silent checkhealth codexhost')
    all = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
    contains(all, 'The MCP server gone is broken')
  end)
  codexhost.setup({ cmd = { 'no-such-program' } })
  vim.cmd('silent checkhealth codexhost')
  contains(table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'), 'no-such-program is not an executable')
end)
