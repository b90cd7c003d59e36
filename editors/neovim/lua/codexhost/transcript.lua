--- The text of a thread in a buffer: blocks in order, each of which can grow or be replaced while later ones are there.
--- The buffer is changed here alone, so the lines of each block are counted and need no marks.
local Transcript = {}
Transcript.__index = Transcript

local function new(buffer)
  return setmetatable({ buffer = buffer, blocks = {}, by_id = {} }, Transcript)
end

local function split(text)
  return vim.split(text, '\n', { plain = true })
end

-- Writes lines in place of those from first to last; windows that showed the end go on showing it.
function Transcript:write(first, last, lines)
  if not vim.api.nvim_buf_is_valid(self.buffer) then
    return
  end
  local count = vim.api.nvim_buf_line_count(self.buffer)
  local following = {}
  for _, window in ipairs(vim.fn.win_findbuf(self.buffer)) do
    if vim.api.nvim_win_get_cursor(window)[1] >= count then
      table.insert(following, window)
    end
  end
  vim.bo[self.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(self.buffer, first, last, false, lines)
  vim.bo[self.buffer].modifiable = false
  vim.bo[self.buffer].modified = false
  count = vim.api.nvim_buf_line_count(self.buffer)
  for _, window in ipairs(following) do
    vim.api.nvim_win_set_cursor(window, { count, 0 })
  end
end

function Transcript:clear()
  self.blocks, self.by_id = {}, {}
  self:write(0, -1, {})
end

function Transcript:first_line(block)
  local line = 0
  for _, other in ipairs(self.blocks) do
    if other == block then
      return line
    end
    line = line + other.count
  end
end

--- Sets the lines of the block id, which is added at the end if it is new. An empty line follows each block.
function Transcript:set(id, lines)
  local flat = {}
  for _, line in ipairs(lines) do
    vim.list_extend(flat, split(line))
  end
  table.insert(flat, '')
  local block = self.by_id[id]
  if block then
    local first = self:first_line(block)
    self:write(first, first + block.count, flat)
  else
    block = { id = id }
    local first = 0
    for _, other in ipairs(self.blocks) do
      first = first + other.count
    end
    table.insert(self.blocks, block)
    self.by_id[id] = block
    self:write(first, first == 0 and -1 or first, flat)
  end
  block.count = #flat
end

--- Lets the text of the block id grow; prefix begins each of its lines.
function Transcript:append(id, text, prefix)
  prefix = prefix or ''
  local block = self.by_id[id]
  if not block then
    return self:set(id, vim.split(prefix .. text:gsub('\n', '\n' .. prefix), '\n', { plain = true }))
  end
  local last = self:first_line(block) + block.count - 2 -- before the empty line
  local lines = split(text)
  for i = 2, #lines do
    lines[i] = prefix .. lines[i]
  end
  lines[1] = vim.api.nvim_buf_get_lines(self.buffer, last, last + 1, false)[1] .. lines[1]
  self:write(last, last + 1, lines)
  block.count = block.count + #lines - 1
end

function Transcript:has(id)
  return self.by_id[id] ~= nil
end

--- The id of the block at a line, counted from 1.
function Transcript:at(line)
  local last = 0
  for _, block in ipairs(self.blocks) do
    last = last + block.count
    if line <= last then
      return block.id
    end
  end
end

return { new = new }
