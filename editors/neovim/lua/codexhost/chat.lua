--- The chat: a buffer with the thread's text and, below it, one to write in.
local config = require('codexhost.config')
local render = require('codexhost.render')
local session = require('codexhost.session')
local transcripts = require('codexhost.transcript')

local M = {}

local transcript
local input
local notices = 0
local finished = {} -- fileChange items, by id, for the diff under the cursor
local turns = {} -- the ids of turns, by those of their items

local function notice(text)
  notices = notices + 1
  transcript:set('notice ' .. notices, { '! ' .. text })
end

local function show_item(item)
  if item.type == 'fileChange' then
    finished[item.id] = item
  end
  local lines = render.item(item)
  if lines then
    transcript:set(item.id, lines)
  end
end

local on = {}

function on.thread(thread)
  transcript:clear()
  finished, turns = {}, {}
  for _, turn in ipairs(thread.turns or {}) do
    for _, item in ipairs(turn.items or {}) do
      turns[item.id] = turn.id
      show_item(item)
    end
    if turn.status == 'interrupted' then
      notice('Interrupted.')
    elseif turn.error then
      notice(turn.error.message)
    end
  end
end

function on.notice(params)
  notice(params.text)
end

on['item/started'] = function(params)
  local item = params.item
  turns[item.id] = params.turnId
  if item.type ~= 'agentMessage' and item.type ~= 'reasoning' then
    show_item(item) -- these two begin with their first delta
  end
end

on['item/completed'] = function(params)
  local item = params.item
  turns[item.id] = params.turnId
  show_item(item)
  if item.type == 'fileChange' and item.status == 'completed' then
    vim.cmd('silent! checktime')
    if config.get().open_diff == 'always' then
      require('codexhost.diff').show(require('codexhost.diff').lines(item.changes))
    end
  end
end

on['item/agentMessage/delta'] = function(params)
  transcript:append(params.itemId, params.delta)
end

on['item/plan/delta'] = on['item/agentMessage/delta']

on['item/reasoning/summaryTextDelta'] = function(params)
  transcript:append(params.itemId, params.delta, '~ ')
end

on['item/reasoning/textDelta'] = on['item/reasoning/summaryTextDelta']

on['item/reasoning/summaryPartAdded'] = function(params)
  if transcript:has(params.itemId) then
    transcript:append(params.itemId, '\n', '~ ')
  end
end

-- Pieces of a command's output are collected in the item and drawn with it, so that the limit of lines holds.
on['item/commandExecution/outputDelta'] = function(params)
  local item = session.items[params.itemId]
  if not item then
    return
  end
  item.aggregatedOutput = ((item.aggregatedOutput or '') .. params.delta):sub(-65536)
  if not item.draws then
    item.draws = true
    vim.defer_fn(function()
      item.draws = false
      if session.items[item.id] == item then
        show_item(item)
      end
    end, 50)
  end
end

on['turn/plan/updated'] = function(params)
  transcript:set('plan ' .. params.turnId, render.plan(params))
end

on['turn/completed'] = function(params)
  if params.turn.status == 'interrupted' then
    notice('Interrupted.')
  end
end

on['error'] = function(params)
  notice(params.error.message .. (params.willRetry and ' (trying again)' or ''))
end

on['warning'] = function(params)
  notice(params.message or '')
end

on['configWarning'] = function(params)
  notice(params.summary .. (params.details and ': ' .. params.details or ''))
end

on['mcpServer/startupStatus/updated'] = function(params)
  if params.status == 'failed' then
    notice(('The MCP server %s did not start: %s'):format(params.name, params.error or 'it does not say why'))
  end
end

on['changed'] = function()
  vim.cmd('redrawstatus!')
end

local function map(buffer, mode, keys, run)
  vim.keymap.set(mode, keys, run, { buffer = buffer, silent = true, nowait = true })
end

local function scratch(name, filetype)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, name)
  vim.bo[buffer].bufhidden = 'hide'
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].filetype = filetype
  return buffer
end

function M.send()
  local text = vim.trim(table.concat(vim.api.nvim_buf_get_lines(input, 0, -1, false), '\n'))
  if text == '' then
    return
  end
  vim.api.nvim_buf_set_lines(input, 0, -1, false, {})
  session.prompt(text)
end

--- Shows the change under the cursor, or else what the last turn changed.
function M.diff()
  local diff = require('codexhost.diff')
  if vim.api.nvim_get_current_buf() == transcript.buffer then
    local item = finished[transcript:at(vim.fn.line('.'))]
    if item then
      return diff.show(diff.lines(item.changes))
    end
  end
  if session.diff and session.diff ~= '' then
    return diff.show(vim.split(session.diff, '\n', { plain = true }))
  end
  notice('No file was changed.')
end

--- Forks the thread: after the turn under the cursor, or else at its end.
function M.fork()
  if not session.thread then
    return notice('There is no thread to fork.')
  end
  local turn
  if vim.api.nvim_get_current_buf() == transcript.buffer then
    turn = turns[transcript:at(vim.fn.line('.'))]
  end
  session.fork(session.thread.id, turn)
end

local function make()
  if transcript and vim.api.nvim_buf_is_valid(transcript.buffer) and vim.api.nvim_buf_is_valid(input) then
    return
  end
  local first = not transcript
  if not first then -- one of the two was wiped out
    pcall(vim.api.nvim_buf_delete, transcript.buffer, { force = true })
    pcall(vim.api.nvim_buf_delete, input, { force = true })
  end
  transcript = transcripts.new(scratch('codexhost://chat', 'codexhost'))
  input = scratch('codexhost://input', 'markdown')
  vim.bo[transcript.buffer].modifiable = false
  map(transcript.buffer, 'n', '<C-c>', session.interrupt)
  map(transcript.buffer, 'n', 'gd', M.diff)
  map(transcript.buffer, 'n', 'gf', M.fork)
  map(transcript.buffer, 'n', 'q', M.close)
  map(transcript.buffer, 'n', 'i', M.focus)
  map(input, 'n', '<CR>', M.send)
  map(input, { 'n', 'i' }, '<C-s>', M.send)
  map(input, 'n', '<C-c>', session.interrupt)
  map(input, 'n', 'q', M.close)
  if first then
    session.subscribe(function(event, payload)
      if on[event] then
        make()
        on[event](payload)
      end
    end)
  elseif session.thread then
    on.thread(session.thread)
  end
end

--- The buffer with the text, made if need be.
function M.buffer()
  make()
  return transcript.buffer
end

local function plain(window)
  local options = { number = false, relativenumber = false, signcolumn = 'no', wrap = true, linebreak = true }
  for option, value in pairs(options) do
    vim.wo[window][option] = value
  end
end

--- What the chat's own statusline says beside the state: what the next turn uses.
function M.uses()
  local settings, parts, thread = session.settings, {}, session.thread
  if thread then
    table.insert(parts, session.chosen.model or settings.model)
    table.insert(parts, session.chosen.sandbox or session.sandbox_name(settings.sandbox))
    if (session.chosen.mode or settings.mode) == 'plan' then
      table.insert(parts, 'plan mode')
    end
    table.insert(parts, thread.name)
  end
  return (table.concat(parts, ', '):gsub('%%', ''))
end

--- Opens the windows, or goes to them if they are there.
function M.open()
  make()
  if vim.fn.bufwinid(transcript.buffer) < 0 then
    vim.cmd(config.get().window)
    vim.api.nvim_win_set_buf(0, transcript.buffer)
    plain(0)
    vim.wo.statusline = " %{v:lua.require'codexhost'.statusline()}  %<%{v:lua.require'codexhost.chat'.uses()}"
    vim.wo.foldmethod = 'expr' -- reasoning is folded
    vim.wo.foldexpr = "getline(v:lnum) =~# '^\\~ '"
    vim.wo.foldlevel = 0
    vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(transcript.buffer), 0 })
  end
  if vim.fn.bufwinid(input) < 0 then
    vim.api.nvim_set_current_win(vim.fn.bufwinid(transcript.buffer))
    vim.cmd(('belowright %dsplit'):format(config.get().input_height))
    vim.api.nvim_win_set_buf(0, input)
    plain(0)
    vim.wo.winfixheight = true
    vim.wo.statusline = ' <CR> sends, <C-c> interrupts, q closes'
  end
  M.focus()
end

function M.focus()
  local window = vim.fn.bufwinid(input)
  if window >= 0 then
    vim.api.nvim_set_current_win(window)
  end
end

--- Closes the windows; the host and the thread go on.
function M.close()
  for _, buffer in ipairs({ input, transcript.buffer }) do
    for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
      pcall(vim.api.nvim_win_close, window, false)
    end
  end
end

return M
