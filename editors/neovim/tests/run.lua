-- The suite: drives the plugin in a real Neovim against a real host with the offline model.
-- test.sh starts it; $HOST is the host. Every wait is bounded; the first failure of a test ends that test.
local session = require('codexhost.session')
local chat = require('codexhost.chat')
local codexhost = require('codexhost')
local uv = vim.uv or vim.loop

local host = assert(os.getenv('HOST'), 'HOST is not set')
local asked = {} -- what vim.ui.select was asked, newest last
local answers = {} -- what it will answer: a label's start, or false to dismiss, or a function

vim.ui.select = function(items, opts, done)
  local labels = vim.tbl_map(opts.format_item, items)
  table.insert(asked, { prompt = opts.prompt, labels = labels, done = done, items = items })
  local answer = table.remove(answers, 1)
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

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(chat.buffer(), 0, -1, false), '\n')
end

local function wait(what, condition)
  if not vim.wait(30000, condition, 5) then
    error(('waited in vain for %s; status %s, text:\n%s'):format(what, session.status(), text()), 2)
  end
end

local function wait_text(wanted)
  wait('the text ' .. wanted, function()
    return text():find(wanted, 1, true) ~= nil
  end)
end

local function idle()
  wait('the end of the turn', function()
    return session.status() == 'idle'
  end)
end

-- Says something and waits for the end of the turn.
local function say(prompt)
  local ended = false
  session.subscribe(function(event)
    ended = ended or event == 'turn/completed'
  end)
  vim.cmd('Codexhost ' .. prompt)
  wait('the end of: ' .. prompt, function()
    return ended
  end)
  idle()
end

local function contains(all, part)
  if not all:find(part, 1, true) then
    error(('%q is not in:\n%s'):format(part, all), 2)
  end
end

local function lacks(all, part)
  if all:find(part, 1, true) then
    error(('%q is in:\n%s'):format(part, all), 2)
  end
end

local function fresh(opts)
  answers, asked = {}, {}
  session.stop()
  wait('the end of the host', function()
    return not session.running()
  end)
  codexhost.setup(vim.tbl_extend('force', {
    cmd = { host, 'app-server' },
    approval_policy = 'untrusted',
    sandbox = 'danger-full-access',
  }, opts or {}))
  session.thread = nil
  vim.cmd('CodexhostNew')
  wait('a thread', function()
    return session.status() == 'idle' and session.thread ~= nil
  end)
end

local function read(path)
  local file = io.open(path)
  local content = file and file:read('*a')
  if file then
    file:close()
  end
  return content
end

local tests = {}
local function test(name, run)
  table.insert(tests, { name = name, run = run })
end

test('a prompt is answered, piece by piece', function()
  fresh()
  local pieces = 0
  session.subscribe(function(event)
    pieces = pieces + (event == 'item/agentMessage/delta' and 1 or 0)
  end)
  vim.cmd('Codexhost slow:30 word')
  wait_text('> slow:30 word')
  wait('a first piece while the turn runs', function()
    return pieces > 0 and session.status() == 'running'
  end)
  lacks(text(), 'word word word word word')
  idle()
  contains(text(), 'word')
  assert(pieces >= 5, 'only ' .. pieces .. ' pieces')
  contains(codexhost.statusline(), 'codexhost: idle, ')
  contains(codexhost.statusline(), 'k tokens left')
end)

test('the window below sends what is written in it', function()
  fresh()
  vim.cmd('Codexhost')
  contains(vim.api.nvim_buf_get_name(0), 'codexhost://input')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'say:first', 'second' })
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes('<CR>', true, false, true), 'x', false)
  wait_text('> second')
  idle()
  wait_text('\nfirst\nsecond')
  assert(#vim.api.nvim_buf_get_lines(0, 0, -1, false)[1] == 0, 'the window still has the text')
end)

test('reasoning, text and Unicode are told apart', function()
  fresh()
  say('think:Hmm. ;; say:Grüße, 世界')
  contains(text(), '~ ')
  contains(text(), '\nGrüße, 世界')
end)

test('a command runs after it was approved', function()
  fresh()
  answers = { 'Yes' }
  say('exec:echo one; ls -d / ;; say:end')
  contains(asked[1].prompt, 'echo one; ls -d /')
  contains(text(), '$ echo one; ls -d /  [done]\n    one\n    /')
end)

test('a refused command does not run', function()
  fresh()
  answers = { 'No' }
  say('exec:touch refused.txt ;; say:so be it')
  contains(text(), '[declined]')
  contains(text(), 'so be it')
  assert(not read('refused.txt'), 'the command ran')
end)

test('a refusal can stop the turn', function()
  fresh()
  answers = { 'No, and stop' }
  say('exec:touch refused.txt ;; say:not reached')
  contains(text(), '! Interrupted.')
  lacks(text(), '\nnot reached')
end)

test('an approval for the session is asked once', function()
  fresh()
  answers = { 'Yes, and do not ask again' }
  say('exec:echo again ;; say:a')
  say('exec:echo again ;; say:b')
  assert(#asked == 1, #asked .. ' questions')
end)

test('a dismissed question stays open', function()
  fresh()
  answers = { false }
  vim.cmd('Codexhost exec:echo later ;; say:end')
  wait_text(':CodexhostApprove')
  assert(session.status() == 'waiting', session.status())
  answers = { 'Yes' }
  vim.cmd('CodexhostApprove')
  idle()
  contains(text(), '    later')
  vim.cmd('CodexhostApprove')
  contains(text(), '! No question is open.')
end)

test('a question is still open when its thread was left and is resumed', function()
  fresh()
  say('say:first')
  local id = session.thread.id
  vim.cmd('Codexhost exec:echo kept ;; say:end')
  wait('the question', function()
    return #asked == 1
  end)
  vim.cmd('CodexhostNew')
  wait('another thread', function()
    return session.thread ~= nil and session.thread.id ~= id
  end)
  session.resume(id)
  wait_text('\nfirst')
  asked[1].done(asked[1].items[1])
  wait_text('    kept')
  idle()
end)

test('several questions are asked one after the other', function()
  fresh()
  answers = { 'Yes', 'No' }
  say('exec:echo red ||| exec:echo blue ;; say:end')
  assert(#asked == 2, #asked .. ' questions')
  contains(text(), '[done]')
  contains(text(), '[declined]')
end)

test('a patch is shown as a diff and applied after approval', function()
  fresh()
  local patch = '*** Begin Patch\n*** Add File: new.txt\n+hello\n+world\n*** End Patch'
  answers = { 'Yes' }
  local shown
  local select = vim.ui.select
  vim.ui.select = function(...)
    local window = vim.fn.bufwinid('codexhost://diff')
    if window >= 0 then
      shown = table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
    end
    select(...)
  end
  session.prompt('patch:' .. patch .. ' ;; say:end')
  wait('the patch', function()
    return read('new.txt') ~= nil and session.status() == 'idle'
  end)
  assert(read('new.txt') == 'hello\nworld\n', read('new.txt'))
  contains(asked[1].prompt, 'Change new.txt?')
  contains(shown or 'no diff', '+hello\n+world')
  contains(text(), '± add new.txt  [done]')
  vim.cmd('edit new.txt')
  local buffer = vim.api.nvim_get_current_buf()
  local update = '*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+good day\n world\n*** End Patch'
  answers = { 'Yes' }
  session.prompt('patch:' .. update .. ' ;; say:end')
  wait_text('± update new.txt  [done]')
  idle()
  vim.ui.select = select
  contains(shown, '-hello\n+good day')
  vim.o.autoread = true
  vim.cmd('checktime')
  assert(vim.api.nvim_buf_get_lines(buffer, 0, 1, false)[1] == 'good day', 'the buffer has the old text')
  vim.cmd('CodexhostDiff')
  contains(table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr('codexhost://diff'), 0, -1, false), '\n'), '+good day')
end)

test('a refused patch leaves the file alone', function()
  fresh()
  answers = { 'No' }
  say('patch:kept.txt other ;; say:end')
  assert(not read('kept.txt'), 'the file is there')
  contains(text(), '[declined]')
end)

test('a turn is interrupted', function()
  fresh()
  vim.cmd('Codexhost stall:')
  wait('the turn', function()
    return session.status() == 'running'
  end)
  vim.cmd('CodexhostInterrupt')
  wait_text('! Interrupted.')
  idle()
  say('say:still here')
  contains(text(), '\nstill here')
end)

test('an interrupt takes an open question back', function()
  fresh()
  vim.cmd('Codexhost exec:touch late.txt')
  wait('the question', function()
    return #asked == 1
  end)
  vim.cmd('CodexhostInterrupt')
  idle()
  asked[1].done(asked[1].items[1]) -- the user answers a popup that is still there
  say('say:next')
  assert(not read('late.txt'), 'the late answer counted')
end)

test('a turn is steered', function()
  fresh()
  vim.cmd('Codexhost slow:300 early')
  wait('the turn', function()
    return session.status() == 'running'
  end)
  local turns = 0
  session.subscribe(function(event)
    turns = turns + (event == 'turn/started' and 1 or 0)
  end)
  vim.cmd('CodexhostSteer say:late')
  wait_text('\nlate')
  idle()
  assert(turns == 0, 'steering started a turn')
end)

test('a selection is sent with its place', function()
  fresh()
  vim.cmd('edit sample.lua')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'local a', 'local b', 'local c' })
  vim.bo.modified = false
  vim.bo.filetype = 'lua'
  vim.cmd('2,3CodexhostSend What is this?')
  wait_text('> sample.lua, lines 2 to 3:')
  contains(text(), '> What is this?')
  contains(text(), '> ```lua\n> local b\n> local c\n> ```')
  idle()
end)

test('a thread is picked and resumed', function()
  fresh()
  say('say:to be remembered')
  local id = session.thread.id
  vim.cmd('CodexhostNew')
  wait('another thread', function()
    return session.status() == 'idle' and session.thread and session.thread.id ~= id
  end)
  lacks(text(), 'to be remembered')
  answers = { os.date('%Y') }
  vim.cmd('CodexhostThreads')
  wait_text('\nto be remembered')
  assert(session.thread.id == id)
  contains(asked[#asked].labels[1], 'say:to be remembered')
  say('say:and more')
  contains(text(), '\nand more')
end)

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
    return #asked == 1
  end)
  uv.kill(session.pid(), 'sigkill')
  wait_text('The host ended with status')
  asked[1].done(asked[1].items[1])
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

test('a failed turn says why', function()
  fresh()
  say('fail:400')
  contains(text(), 'scripted failure')
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

-- Puts a request to the user, and returns the answer as it goes over the wire.
local function answered(method, params, ...)
  local got
  answers = { ... }
  assert(require('codexhost.approval').ask('q', method, params, function(result)
    got = vim.json.encode(result)
  end))
  wait('an answer to ' .. method, function()
    return got
  end)
  return vim.json.decode(got)
end

local function same(got, wanted)
  if not vim.deep_equal(got, wanted) then
    error(('got %s, wanted %s'):format(vim.inspect(got), vim.inspect(wanted)), 2)
  end
end

test('every kind of question is answered in its own shape', function()
  local empty = vim.empty_dict()
  local command = { command = 'touch a', cwd = '/', proposedExecpolicyAmendment = { 'touch' } }
  same(answered('item/commandExecution/requestApproval', command, 'Yes, and always'), {
    decision = { acceptWithExecpolicyAmendment = { execpolicy_amendment = { 'touch' } } },
  })
  local permissions = { permissions = { network = { enabled = true } }, reason = 'why' }
  same(answered('item/permissions/requestApproval', permissions, 'Yes, for this session'), {
    permissions = { network = { enabled = true } },
    scope = 'session',
  })
  same(answered('item/permissions/requestApproval', permissions, 'No'), { permissions = empty, scope = 'turn' })
  local tool = { serverName = 's', message = 'Allow it?', mode = 'form', requestedSchema = { properties = empty } }
  same(answered('mcpServer/elicitation/request', tool, 'Yes'), { action = 'accept', content = empty })
  tool._meta = { persist = { 'session' } }
  same(answered('mcpServer/elicitation/request', tool, 'Yes, and do not'), {
    action = 'accept',
    content = empty,
    _meta = { persist = 'session' },
  })
  tool.requestedSchema.properties = { name = { type = 'string' } }
  same(answered('mcpServer/elicitation/request', tool, 'No'), { action = 'decline' })
  contains(asked[#asked].prompt, 'not possible')

  local input = vim.ui.input
  vim.ui.input = function(_, done)
    done('typed')
  end
  local questions = {
    { id = 'a', question = 'Which?', isOther = true, options = { { label = 'One', description = 'the first' } } },
    { id = 'b', question = 'Which else?', isOther = true, options = { { label = 'One' } } },
    { id = 'c', question = 'What?' },
  }
  same(answered('item/tool/requestUserInput', { questions = questions }, 'One: the first', 'Something else'), {
    answers = { a = { answers = { 'One' } }, b = { answers = { 'typed' } }, c = { answers = { 'typed' } } },
  })
  vim.ui.input = input
  assert(not require('codexhost.approval').ask('q', 'some/new/question', {}, function() end))
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

test('a command is shown without its shell, and whole', function()
  local command = require('codexhost.render').command
  for given, wanted in pairs({
    ["/bin/bash -lc 'echo one; ls /'"] = 'echo one; ls /',
    ['/bin/bash -lc ls'] = 'ls',
    ['/bin/sh -c "echo \\"it\'s\\" \\$HOME"'] = 'echo "it\'s" $HOME',
    ["/bin/bash -lc 'a' 'b'"] = "/bin/bash -lc 'a' 'b'",
    ['/bin/bash -lc "a" "b"'] = '/bin/bash -lc "a" "b"',
    ['git status'] = 'git status',
  }) do
    assert(command(given) == wanted, command(given))
  end
end)

test('changes become a unified diff', function()
  local lines = require('codexhost.diff').lines({
    { path = 'a', kind = { type = 'add' }, diff = 'x\ny\n' },
    { path = 'b', kind = { type = 'delete' }, diff = 'z\n' },
    { path = 'c', kind = { type = 'update', move_path = 'd' }, diff = '@@ -1 +1 @@\n-1\n+2\n' },
  })
  local wanted = '--- /dev/null|+++ a|@@ -0,0 +1,2 @@|+x|+y|'
    .. '--- b|+++ /dev/null|@@ -1,1 +0,0 @@|-z|--- c|+++ d|@@ -1 +1 @@|-1|+2'
  assert(table.concat(lines, '|') == wanted, table.concat(lines, '|'))
end)

test('blocks of the text grow and are replaced in any order', function()
  local buffer = vim.api.nvim_create_buf(false, true)
  local transcript = require('codexhost.transcript').new(buffer)
  transcript:append('a', 'one\ntw')
  transcript:set('b', { 'B' })
  transcript:append('a', 'o\nthree')
  transcript:append('c', 'x\n', '~ ')
  transcript:append('c', 'y', '~ ')
  transcript:set('b', { 'B1\nB2' })
  local all = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '|')
  assert(all == 'one|two|three||B1|B2||~ x|~ y|', all)
  assert(transcript:at(2) == 'a' and transcript:at(5) == 'b' and transcript:at(8) == 'c')
end)

test(':checkhealth finds the host', function()
  codexhost.setup({ cmd = { host, 'app-server' } })
  vim.cmd('silent checkhealth codexhost')
  local all = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  contains(all, 'The host answers: codexhost.nvim/')
  contains(all, 'The model is ')
  lacks(all, 'ERROR')
  codexhost.setup({ cmd = { 'no-such-program' } })
  vim.cmd('silent checkhealth codexhost')
  contains(table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'), 'no-such-program is not an executable')
end)

test('the manual has every command and its tags are sound', function()
  vim.cmd('helptags ' .. vim.fn.fnameescape(os.getenv('PLUGIN') .. '/doc'))
  vim.cmd('help codexhost')
  local manual = read(vim.fn.expand('%:p'))
  for name in pairs(vim.api.nvim_get_commands({})) do
    if name:sub(1, 9) == 'Codexhost' then
      contains(manual, '*:' .. name .. '*')
    end
  end
end)

local only = os.getenv('ONLY')
local failed = 0
for _, case in ipairs(tests) do
  if not only or case.name:find(only, 1, true) then
    local began = uv.hrtime()
    vim.v.errmsg = ''
    local ok, why = xpcall(case.run, debug.traceback)
    if ok and vim.v.errmsg ~= '' then -- an error in a callback
      ok, why = false, vim.v.errmsg
    end
    local took = (uv.hrtime() - began) / 1e6
    io.stdout:write(('%s - neovim: %s (%d ms)\n'):format(ok and 'ok' or 'not ok', case.name, took))
    if not ok then
      failed = failed + 1
      io.stdout:write('  ', (tostring(why):gsub('\n', '\n  ')), '\n')
    end
    vim.cmd('silent! tabonly! | silent! only!')
  end
end
vim.cmd(failed == 0 and 'qall!' or 'cquit 1')
