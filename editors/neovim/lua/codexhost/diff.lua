--- Changes of files, as a unified diff in a window of its own.
local M = {}

local name = 'codexhost://diff'

local function marked(mark, text)
  local lines = vim.split((text:gsub('\n$', '')), '\n', { plain = true })
  for i, line in ipairs(lines) do
    lines[i] = mark .. line
  end
  return lines
end

--- A unified diff of the changes of a fileChange item. The host gives content for added and deleted files, hunks else.
function M.lines(changes)
  local out = {}
  for _, change in ipairs(changes or {}) do
    local kind = type(change.kind) == 'table' and change.kind.type or change.kind
    local target = type(change.kind) == 'table' and change.kind.move_path or change.path
    if kind == 'add' then
      vim.list_extend(out, { '--- /dev/null', '+++ ' .. change.path })
      local added = marked('+', change.diff)
      table.insert(out, ('@@ -0,0 +1,%d @@'):format(#added))
      vim.list_extend(out, added)
    elseif kind == 'delete' then
      vim.list_extend(out, { '--- ' .. change.path, '+++ /dev/null' })
      local removed = marked('-', change.diff)
      table.insert(out, ('@@ -1,%d +0,0 @@'):format(#removed))
      vim.list_extend(out, removed)
    else
      vim.list_extend(out, { '--- ' .. change.path, '+++ ' .. target })
      vim.list_extend(out, marked('', change.diff))
    end
  end
  return out
end

--- Shows lines of a diff in a split; the cursor stays where it is.
function M.show(lines)
  local buffer = vim.fn.bufnr('^' .. name .. '$')
  if buffer < 0 then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
    vim.bo[buffer].filetype = 'diff'
  end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
  local window = vim.fn.bufwinid(buffer)
  if window < 0 then
    local here = vim.api.nvim_get_current_win()
    vim.cmd('topleft split')
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(window, buffer)
    vim.api.nvim_set_current_win(here)
  end
  vim.api.nvim_win_set_cursor(window, { 1, 0 })
  return buffer
end

return M
