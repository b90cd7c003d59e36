-- What the host asks, and every way to answer.
local h = require('harness')
local session = require('codexhost.session')
local contains, fresh, idle, lacks, read, same, say, test, text, wait, wait_text = h.contains, h.fresh, h.idle, h.lacks, h.read, h.same, h.say, h.test, h.text, h.wait, h.wait_text

test('a command runs after it was approved', function()
  fresh()
  h.answers = { 'Yes' }
  say('exec:echo one; ls -d / ;; say:end')
  contains(h.asked[1].prompt, 'echo one; ls -d /')
  contains(text(), '$ echo one; ls -d /  [done]\n    one\n    /')
end)

test('a refused command does not run', function()
  fresh()
  h.answers = { 'No' }
  say('exec:touch refused.txt ;; say:so be it')
  contains(text(), '[declined]')
  contains(text(), 'so be it')
  assert(not read('refused.txt'), 'the command ran')
end)

test('a refusal can stop the turn', function()
  fresh()
  h.answers = { 'No, and stop' }
  say('exec:touch refused.txt ;; say:not reached')
  contains(text(), '! Interrupted.')
  lacks(text(), '\nnot reached')
end)

test('an approval for the session is asked once', function()
  fresh()
  h.answers = { 'Yes, and do not ask again' }
  say('exec:echo again ;; say:a')
  say('exec:echo again ;; say:b')
  assert(#h.asked == 1, #h.asked .. ' questions')
end)

test('a dismissed question stays open', function()
  fresh()
  h.answers = { false }
  vim.cmd('Codexhost exec:echo later ;; say:end')
  wait_text(':CodexhostApprove')
  assert(session.status() == 'waiting', session.status())
  h.answers = { 'Yes' }
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
    return #h.asked == 1
  end)
  vim.cmd('CodexhostNew')
  wait('another thread', function()
    return session.thread ~= nil and session.thread.id ~= id
  end)
  session.resume(id)
  wait_text('\nfirst')
  h.asked[1].done(h.asked[1].items[1])
  wait_text('    kept')
  idle()
end)

test('several questions are asked one after the other', function()
  fresh()
  h.answers = { 'Yes', 'No' }
  say('exec:echo red ||| exec:echo blue ;; say:end')
  assert(#h.asked == 2, #h.asked .. ' questions')
  contains(text(), '[done]')
  contains(text(), '[declined]')
end)

test('a patch is shown as a diff and applied after approval', function()
  fresh()
  local patch = '*** Begin Patch\n*** Add File: new.txt\n+hello\n+world\n*** End Patch'
  h.answers = { 'Yes' }
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
  contains(h.asked[1].prompt, 'Change new.txt?')
  contains(shown or 'no diff', '+hello\n+world')
  contains(text(), '± add new.txt  [done]')
  vim.cmd('edit new.txt')
  local buffer = vim.api.nvim_get_current_buf()
  local update = '*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+good day\n world\n*** End Patch'
  h.answers = { 'Yes' }
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
  h.answers = { 'No' }
  say('patch:kept.txt other ;; say:end')
  assert(not read('kept.txt'), 'the file is there')
  contains(text(), '[declined]')
end)

test('an interrupt takes an open question back', function()
  fresh()
  vim.cmd('Codexhost exec:touch late.txt')
  wait('the question', function()
    return #h.asked == 1
  end)
  vim.cmd('CodexhostInterrupt')
  idle()
  h.asked[1].done(h.asked[1].items[1]) -- the user answers a popup that is still there
  say('say:next')
  assert(not read('late.txt'), 'the late answer counted')
end)

-- Puts a request to the user, and returns the answer as it goes over the wire.
local function answered(method, params, ...)
  local got
  h.answers = { ... }
  local text = vim.json.encode({ params = params })
  assert(require('codexhost.approval').ask('q', method, params, text, function(result)
    got = vim.json.encode(result)
  end))
  wait('an answer to ' .. method, function()
    return got
  end)
  return vim.json.decode(got)
end

test('every kind of question is answered in its own shape', function()
  local empty = vim.empty_dict()
  local command = { command = 'touch a', cwd = '/', proposedExecpolicyAmendment = { 'touch' } }
  same(answered('item/commandExecution/requestApproval', command, 'Yes, and always'), {
    decision = { acceptWithExecpolicyAmendment = { execpolicy_amendment = { 'touch' } } },
  })
  local network = {
    networkApprovalContext = { host = 'example.com', protocol = 'https' },
    proposedNetworkPolicyAmendments = { { action = 'allow', host = 'example.com' } },
    additionalPermissions = { network = { enabled = true } },
  }
  same(answered('item/commandExecution/requestApproval', network, 'Always allow example.com'), {
    decision = {
      applyNetworkPolicyAmendment = { network_policy_amendment = { action = 'allow', host = 'example.com' } },
    },
  })
  contains(h.asked[#h.asked].prompt, 'Connect to example.com (https)?')
  contains(h.asked[#h.asked].prompt, 'with more permissions: {"network":{"enabled":true}}')
  same(answered('item/fileChange/requestApproval', { itemId = 'gone', grantRoot = '/srv' }, 'Yes'), {
    decision = 'accept',
  })
  contains(h.asked[#h.asked].prompt, 'writing below /srv')
  local permissions = { permissions = { network = { enabled = true } }, reason = 'why' }
  same(answered('item/permissions/requestApproval', permissions, 'Yes, for this session'), {
    permissions = { network = { enabled = true } },
    scope = 'session',
  })
  same(answered('item/permissions/requestApproval', permissions, 'No'), { permissions = empty, scope = 'turn' })
  h.typed = { 'typed' }
  same(answered('item/tool/requestUserInput', { questions = { { id = 'a', question = 'What?' } } }), {
    answers = { a = { answers = { 'typed' } } },
  })
  assert(not require('codexhost.approval').ask('q', 'some/new/question', {}, '', function() end))
end)

test('what is typed into a field is held against its limits', function()
  local value = require('codexhost.form').value
  for _, case in ipairs({
    { { kind = 'text', minLength = 2 }, 'ü', nil, 'at least 2 characters' },
    { { kind = 'text', maxLength = 2 }, 'üü', 'üü' },
    { { kind = 'text', maxLength = 2 }, 'abc', nil, 'at most 2 characters' },
    { { kind = 'integer', minimum = 1 }, '0', nil, 'at least 1' },
    { { kind = 'integer' }, '1.5', nil, 'a number' },
    { { kind = 'number', maximum = 2 }, '1.5', 1.5 },
    { { kind = 'number' }, 'one', nil, 'a number' },
    { { kind = 'text', format = 'email' }, 'nobody', nil, 'me@example.com' },
    { { kind = 'text', format = 'uri' }, 'https://example.com', 'https://example.com' },
    { { kind = 'text', format = 'date' }, '31.1.2026', nil, '2026-01-31' },
    { { kind = 'text', format = 'date-time' }, '2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z' },
  }) do
    local got, why = value(case[1], case[2])
    assert(got == case[3], case[2] .. ' is ' .. tostring(got))
    if case[4] then
      contains(why, case[4])
    end
  end
end)

-- It is required, so that threads wait for it, however slow the machine is.
local asker = ([[
[mcp_servers.asker]
command = "python3"
args = ["%s/../asker.py"]
required = true
startup_timeout_sec = 60
]]):format(os.getenv('PLUGIN'))

local function with_asker(run)
  if vim.fn.executable('python3') == 0 then
    io.stdout:write('skip - neovim: python3 is not here for the MCP server that asks\n')
    return
  end
  h.with_config(asker, function()
    fresh()
    run()
  end)
end

test("an MCP server's form is filled in, field by field", function()
  with_asker(function()
    h.answers = { 'Answer', 'Yes', 'Green', '[ ] salmon', '[ ] tuna', 'That is all', '[x] trout', 'That is all' }
    h.typed = { '', 'X', 'Ada', 'old', '36', 'nowhere', 'ada@example.com' }
    say('mcp:asker/form {} ;; say:{{output}}')
    contains(h.asked[1].prompt, 'asker asks: Who are you?')
    contains(h.prompts[1], 'Your name (as you sign): ')
    contains(h.prompts[2], 'Your name (as you sign). An answer is needed')
    contains(h.prompts[3], 'Your name (as you sign). at least 2 characters, please')
    contains(h.prompts[5], 'age. a number, please')
    contains(h.asked[7].prompt, 'at most 2 of them')
    contains(text(), '"content":{"age":36,"agree":true,"colour":"g","fish":["tuna","salmon"],"mail":"ada@example.com","name":"Ada"}')
  end)
end)

test('fields that need no answer are left out, defaults are there already', function()
  with_asker(function()
    h.typed = { 'Ada', true, '' }
    h.answers = { 'Answer', 'No', 'Leave it out', '[x] trout', 'That is all' }
    if vim.fn.has('nvim-0.8') == 0 then
      h.typed[3] = false
      table.insert(h.answers, 2, 'Leave it out')
    end
    say('mcp:asker/form {} ;; say:{{output}}')
    contains(text(), '"content":{"age":42,"agree":false,"name":"Ada"}')
  end)
end)

test('a form is declined, cancelled, and left in the middle', function()
  with_asker(function()
    h.answers = { 'No' }
    say('mcp:asker/form {} ;; say:{{output}}')
    contains(text(), '{"action":"decline"}')
    h.answers = { 'Cancel' }
    say('mcp:asker/form {} ;; say:{{output}}')
    contains(text(), '{"action":"cancel"}')
    h.answers, h.typed = { 'Answer' }, { false }
    vim.cmd('Codexhost mcp:asker/form {} ;; say:{{output}}')
    wait_text(':CodexhostApprove')
    assert(session.status() == 'waiting', session.status())
    vim.cmd('CodexhostInterrupt')
    idle()
    h.answers = { 'Yes' }
    say('mcp:asker/confirm {} ;; say:{{output}}')
    contains(text(), '{"action":"accept","content":{}}')
  end)
end)

test('an address of an MCP server is opened when the user agrees', function()
  with_asker(function()
    local opened
    local open = vim.ui.open
    vim.ui.open = function(url)
      opened = url
    end
    h.answers = { 'Yes, open it' }
    say('mcp:asker/url {} ;; say:{{output}}')
    vim.ui.open = open
    assert(opened == 'https://example.com/sign-in', opened)
    contains(h.asked[1].prompt, 'https://example.com/sign-in')
    contains(text(), '"action":"accept"')
    opened = nil
    h.answers = { 'No' }
    say('mcp:asker/url {} ;; say:{{output}}')
    contains(text(), '"action":"decline"')
    assert(not opened)
  end)
end)

test('a tool of an MCP server runs after it was approved, with what it is given', function()
  with_asker(function()
    h.answers = { 'No' }
    say('mcp:asker/write {"a": 1} ;; say:{{output}}')
    contains(h.asked[1].prompt, 'run tool "write"?\n{"a":1}')
    contains(text(), 'user rejected MCP tool call')
    h.answers = { 'Yes, and do not ask again in this session' }
    say('mcp:asker/write {"a": 1} ;; say:{{output}}')
    say('mcp:asker/write {"a": 2} ;; say:{{output}}')
    assert(#h.asked == 2, #h.asked .. ' questions')
    contains(text(), '* asker/write {"a":2}  [done]\n    written\n\nwritten')
  end)
end)

test('the model asks the user in plan mode', function()
  fresh()
  vim.cmd('CodexhostMode plan')
  local ask = 'call:request_user_input ' .. vim.json.encode({
    questions = {
      { id = 'colour', header = 'Colour', question = 'Which colour?', options = { { label = 'Red', description = 'warm' } } },
      { id = 'size', header = 'Size', question = 'Which size?', options = { { label = 'L', description = 'large' } } },
      { id = 'more', header = 'More', question = 'What more?', options = { { label = 'None', description = '' } } },
    },
  }) .. ' ;; say:{{output}}'
  h.answers, h.typed = { 'Red: warm', 'Something else', 'Leave it out' }, { 'huge' }
  say(ask)
  contains(h.asked[1].prompt, 'Which colour?')
  contains(text(), '"colour":{"answers":["Red"]}')
  contains(text(), '"size":{"answers":["huge"]}')
  lacks(text(), '"more":')
  h.answers = { false }
  vim.cmd('Codexhost ' .. ask)
  wait_text(':CodexhostApprove')
  vim.cmd('CodexhostInterrupt')
  idle()
  vim.cmd('CodexhostMode default')
  say('call:request_user_input {"questions":[]} ;; say:{{output}}')
  contains(text(), 'unavailable in Default mode')
end)
