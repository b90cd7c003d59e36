-- Threads, and what there is to choose and to see.
local h = require('harness')
local codexhost = require('codexhost')
local session = require('codexhost.session')
local contains, fresh, idle, lacks, say = h.contains, h.fresh, h.idle, h.lacks, h.say
local test, text, wait, wait_text = h.test, h.text, h.wait, h.wait_text

local function other_thread(id)
  wait('another thread', function()
    return session.status() == 'idle' and session.thread and session.thread.id ~= id
  end)
end

local function lines_of(name)
  local buffer = vim.fn.bufnr('^' .. name .. '$')
  return buffer >= 0 and table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n') or ''
end

local function list()
  return lines_of('codexhost://threads')
end

-- Types keys in the list, in the line that has this text.
local function press(keys, line)
  wait('the list with ' .. line, function()
    return list():find(line, 1, true)
  end)
  vim.api.nvim_set_current_win(vim.fn.bufwinid('codexhost://threads'))
  assert(vim.fn.search('\\V' .. line, 'cw') > 0, line .. ' is not in:\n' .. list())
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'x', false)
end

local function wait_list(wanted, unwanted)
  wait('the list with ' .. wanted, function()
    return list():find(wanted, 1, true) and not (unwanted and list():find(unwanted, 1, true))
  end)
end

test('a thread is picked and resumed', function()
  fresh()
  say('say:to be remembered')
  local id = session.thread.id
  vim.cmd('CodexhostNew')
  other_thread(id)
  lacks(text(), 'to be remembered')
  vim.cmd('CodexhostThreads')
  press('<CR>', 'say:to be remembered')
  wait_text('\nto be remembered')
  assert(session.thread.id == id)
  say('say:and more')
  contains(text(), '\nand more')
end)

test('threads are searched, renamed and archived', function()
  fresh()
  say('say:apple')
  local id = session.thread.id
  vim.cmd('CodexhostNew')
  other_thread(id)
  say('say:pear')
  vim.cmd('CodexhostRename My pear')
  vim.cmd('CodexhostThreads')
  press('/', 'say:apple')
  wait_list('My pear')
  h.typed = { 'apple' }
  press('/', 'say:apple')
  wait_list('Threads of this folder with "apple"', 'My pear')
  h.typed = { 'An apple' }
  press('r', 'say:apple')
  wait_list('An apple')
  press('d', 'An apple')
  wait_list('none')
  h.typed = { '' }
  press('/', 'none')
  wait_list('My pear', 'An apple')
  press('d', 'My pear') -- that of the chat
  wait_text('is not archived')
  press('a', 'My pear')
  wait_list('Archived threads', 'My pear')
  press('d', 'An apple')
  wait_list('none')
  press('a', 'none')
  wait_list('An apple')
  press('.', 'An apple')
  wait_list('Threads of every folder')
  wait_list('(' .. vim.fn.fnamemodify(vim.fn.getcwd(), ':~') .. ')')
  vim.cmd('CodexhostThreads apple')
  wait_list('with "apple"', 'My pear')
  contains(codexhost.statusline(), 'codexhost: idle')
  contains(require('codexhost.chat').uses(), 'My pear')
end)

test('a thread is forked at its end, and after the turn under the cursor', function()
  fresh()
  say('say:first')
  say('say:second')
  local id = session.thread.id
  vim.cmd('CodexhostFork')
  other_thread(id)
  wait_text('\nsecond')
  say('say:third')
  contains(text(), '\nfirst')
  local fork = session.thread.id
  vim.cmd('CodexhostRename The fork')
  vim.cmd('CodexhostThreads')
  press('f', 'The fork')
  other_thread(fork)
  wait_text('\nthird')
  local longest = session.thread.id
  vim.cmd('Codexhost')
  vim.api.nvim_set_current_win(vim.fn.bufwinid('codexhost://chat'))
  vim.fn.search('^first', 'w')
  vim.api.nvim_feedkeys('gf', 'x', false)
  other_thread(longest)
  contains(text(), '\nfirst')
  lacks(text(), '\nsecond')
  say('say:elsewhere')
  contains(text(), '\nelsewhere')
end)

test('the sandbox, the approvals and the model are chosen', function()
  fresh({ approval_policy = 'never' })
  say('exec:echo x >made-1 && cat made-1 ;; say:{{output}}')
  contains(text(), '\nx')
  vim.cmd('CodexhostSandbox read-only')
  vim.cmd('CodexhostApprovals untrusted')
  vim.cmd('CodexhostModel other-model')
  h.answers = { 'Yes' }
  say('exec:echo y >made-2 ;; say:end')
  assert(#h.asked == 1, #h.asked .. ' questions')
  assert(h.read('made-2') ~= 'y\n', 'it was written')
  assert(session.settings.model == 'other-model', session.settings.model)
  assert(session.settings.sandbox.type == 'readOnly')
  contains(require('codexhost.chat').uses(), 'other-model, read-only')
  local id = session.thread.id
  vim.cmd('CodexhostStop')
  wait('the end of the host', function()
    return not session.running()
  end)
  h.answers = { 'Yes' }
  say('exec:echo z >made-2 ;; say:end') -- what was chosen holds in the thread that is resumed
  assert(session.thread.id == id and #h.asked == 2)
  assert(h.read('made-2') ~= 'z\n', 'it was written')
  h.answers = { 'danger-full-access' }
  vim.cmd('CodexhostSandbox')
  contains(table.concat(h.asked[3].labels, '|'), 'read-only (now): ')
  h.answers = { 'Yes' }
  say('exec:echo z >made-2 ;; say:end')
  assert(h.read('made-2') == 'z\n', 'it was not written')
  vim.cmd('CodexhostModel')
  wait('the models', function()
    return #h.asked == 5
  end)
  assert(#h.asked[5].labels > 1)
  vim.cmd('CodexhostSandbox none-such')
  contains(text(), 'There is no sandbox none-such')
end)

test('skills and MCP servers are shown, with what is wrong with them', function()
  local skills = os.getenv('CODEX_HOME') .. '/skills/'
  for name, content in pairs({
    fine = '---\nname: fine\ndescription: A fine skill.\n---\nText.\n',
    broken = 'nothing of use',
  }) do
    vim.fn.mkdir(skills .. name, 'p')
    vim.fn.writefile(vim.split(content, '\n'), skills .. name .. '/SKILL.md')
  end
  h.with_config('[mcp_servers.gone]\ncommand = "no-such-server"\n', function()
    fresh()
    wait_text('The MCP server gone did not start')
    vim.cmd('CodexhostStatus')
    wait('the status', function()
      return lines_of('codexhost://status') ~= ''
    end)
    local all = lines_of('codexhost://status')
    contains(all, 'codexhost.nvim/')
    contains(all, '  sandbox    danger-full-access')
    contains(all, '  $fine: A fine skill.')
    contains(all, 'skills/broken/SKILL.md: ')
    contains(all, '  ! gone: ')
  end)
  vim.fn.delete(skills, 'rf')
end)
