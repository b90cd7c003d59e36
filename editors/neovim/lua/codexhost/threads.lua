--- The list of threads: to go on with one, to search, rename, fork and archive.
local session = require('codexhost.session')
local window = require('codexhost.window')

local M = {}

local name = 'codexhost://threads'
local head = 2 -- lines above the first thread

local buffer
local threads -- nil until they are known
local filter = {} -- all (of every folder), archived, search
local pages -- the cursor of the next page, if there is one
local asked = 0 -- answers to older questions are dropped

function M.title(thread)
  local title = vim.trim(((thread.name or thread.preview or ''):gsub('%s+', ' ')))
  return title ~= '' and title or '(empty)'
end

local function line_of(thread)
  local current = session.thread and session.thread.id == thread.id
  local line = ('%s %s  %s'):format(
    current and '*' or ' ',
    os.date('%Y-%m-%d %H:%M', thread.updatedAt),
    vim.fn.strcharpart(M.title(thread), 0, 100)
  )
  if filter.all then
    line = line .. '  (' .. vim.fn.fnamemodify(thread.cwd, ':~') .. ')'
  end
  return line
end

local function draw()
  local what = filter.archived and 'Archived threads' or 'Threads'
  local title = ('%s of %s'):format(what, filter.all and 'every folder' or 'this folder')
  if filter.search then
    title = title .. (' with "%s"'):format(filter.search)
  end
  local archive = filter.archived and 'd takes out of the archive' or 'd archives'
  local lines = { title, '<CR> opens, r renames, f forks, ' .. archive .. ', / searches, a archive, . folders, R again' }
  for _, thread in ipairs(threads or {}) do
    table.insert(lines, line_of(thread))
  end
  if not threads then
    table.insert(lines, '  ...')
  elseif #threads == 0 then
    table.insert(lines, '  none')
  elseif pages then
    table.insert(lines, '  <CR> for more')
  end
  window.draw(buffer, lines)
end

local function load(more, first)
  asked = asked + 1
  local mine = asked
  session.call('thread/list', {
    limit = 50,
    cursor = more and pages or nil,
    sortKey = 'updated_at',
    cwd = not filter.all and vim.fn.getcwd() or nil,
    archived = filter.archived or nil,
    searchTerm = filter.search,
  }, function(result)
    if mine == asked then
      threads = vim.list_extend(more and threads or {}, result.data)
      pages = result.nextCursor
      draw()
      local shown = vim.fn.bufwinid(buffer)
      if first and shown >= 0 and #threads > 0 then
        vim.api.nvim_win_set_cursor(shown, { head + 1, 0 })
      end
    end
  end)
end

session.subscribe(function(event)
  local changed = event == 'thread' or event == 'thread/name/updated' or event == 'turn/completed'
  if changed and buffer and vim.fn.bufwinid(buffer) >= 0 then
    load()
  end
end)

-- The thread in the line of the cursor.
local function here()
  return (threads or {})[vim.fn.line('.') - head]
end

local function changed(method, params)
  session.call(method, params, function()
    load()
  end)
end

local keys = {}

keys['<CR>'] = function()
  local thread = here()
  if thread then
    if not filter.archived then
      require('codexhost.chat').open()
      return session.resume(thread.id)
    end
    session.notice('An archived thread is taken out of the archive by d first.')
  elseif pages and vim.fn.line('.') == head + #threads + 1 then
    load(true)
  end
end

keys.r = function()
  local thread = here()
  if thread then
    vim.ui.input({ prompt = 'Name: ', default = M.title(thread) }, function(title)
      if title and vim.trim(title) ~= '' then
        changed('thread/name/set', { threadId = thread.id, name = vim.trim(title) })
      end
    end)
  end
end

keys.f = function()
  local thread = here()
  if thread then
    require('codexhost.chat').open()
    session.fork(thread.id)
  end
end

keys.d = function()
  local thread = here()
  if not thread then
    return
  elseif session.thread and session.thread.id == thread.id then
    return session.notice('The thread of the chat is not archived: open another one first.')
  end
  changed(filter.archived and 'thread/unarchive' or 'thread/archive', { threadId = thread.id })
end

keys['/'] = function()
  vim.ui.input({ prompt = 'Search for: ', default = filter.search }, function(text)
    filter.search = text and vim.trim(text) ~= '' and vim.trim(text) or nil
    load()
  end)
end

keys.a = function()
  filter.archived = not filter.archived
  load()
end

keys['.'] = function()
  filter.all = not filter.all
  load()
end

keys.R = function()
  load()
end

--- opts.all: of every folder; opts.search: with this text in their name or first message.
function M.open(opts)
  filter = { all = opts.all, search = opts.search }
  threads, pages = nil, nil
  buffer = window.open(name, 'codexhost-threads', keys)
  draw()
  load(false, true)
end

return M
