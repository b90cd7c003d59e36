-- The suite: drives the plugin in a real Neovim against a real host with the offline model.
-- test.sh starts it; $HOST is the host. Every wait is bounded; the first failure of a test ends that test.
local uv = vim.uv or vim.loop
local here = os.getenv('PLUGIN') .. '/tests/'

package.path = here .. '?.lua;' .. package.path
local harness = require('harness')
for _, name in ipairs({ 'talk', 'questions', 'threads', 'host', 'parts' }) do
  dofile(here .. 'cases/' .. name .. '.lua')
end

local only = os.getenv('ONLY')
local failed = 0
for _, case in ipairs(harness.list) do
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
