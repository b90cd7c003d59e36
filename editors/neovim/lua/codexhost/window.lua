--- Buffers that only show something, in a split of their own, and can be drawn again.
local M = {}

--- Opens the buffer of this name, or goes to it. Returns it.
--- keys: what each key of Normal mode does, called without arguments.
function M.open(name, filetype, keys)
  local buffer = vim.fn.bufnr('^' .. name .. '$')
  if buffer < 0 then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
    vim.bo[buffer].filetype = filetype
    vim.bo[buffer].modifiable = false
    for key, run in pairs(keys) do
      vim.keymap.set('n', key, run, { buffer = buffer, silent = true, nowait = true })
    end
    vim.keymap.set('n', 'q', '<C-w>c', { buffer = buffer, silent = true, nowait = true })
  end
  local window = vim.fn.bufwinid(buffer)
  if window >= 0 then
    vim.api.nvim_set_current_win(window)
  else
    vim.cmd('topleft split')
    vim.api.nvim_win_set_buf(0, buffer)
    vim.wo.wrap = false
    vim.wo.cursorline = true
  end
  return buffer
end

--- Replaces the lines; the cursor stays in its line.
function M.draw(buffer, lines)
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.bo[buffer].modifiable = true
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
    vim.bo[buffer].modifiable = false
  end
end

return M
