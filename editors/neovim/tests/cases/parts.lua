-- The parts that need no host, and the manual.
local h = require('harness')
local contains, read, test = h.contains, h.read, h.test

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
