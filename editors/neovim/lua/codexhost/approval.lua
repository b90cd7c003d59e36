--- Puts what the host asks to the user: one question at a time, through vim.ui.select and vim.ui.input. A question that
--- was dismissed stays open until it is answered or taken back.
local questions = require('codexhost.questions')

local M = {}

local queue = {}
local showing

local function settle(entry, result)
  if entry.gone then
    return
  end
  M.resolved(entry.id)
  entry.done(result)
end

local function dismissed(entry)
  if not entry.gone then
    showing = nil
    require('codexhost.session').notice('A question waits for you: :CodexhostApprove asks it again.')
  end
end

local function fill(entry, question)
  require('codexhost.form').ask(question.fields, function()
    return not entry.gone
  end, function(values)
    if values then
      settle(entry, question.fill(values))
    else
      dismissed(entry)
    end
  end)
end

-- Neovim opens addresses by itself from 0.10 on.
local function open(url)
  if vim.ui.open then
    return vim.ui.open(url)
  end
  for _, program in ipairs({ 'xdg-open', 'open' }) do
    if vim.fn.executable(program) == 1 then
      return vim.fn.jobstart({ program, url }, { detach = true })
    end
  end
  require('codexhost.session').notice('Open this yourself: ' .. url)
end

local function show(entry)
  showing = entry
  local item = require('codexhost.session').items[entry.params.itemId]
  local question = questions[entry.method](entry.params, item, entry.text)
  if not question.choices then
    return fill(entry, question)
  end
  if question.diff and #question.diff > 0 and require('codexhost.config').get().open_diff ~= 'never' then
    require('codexhost.diff').show(question.diff)
    vim.cmd('redraw')
  end
  vim.ui.select(question.choices, {
    prompt = question.text,
    kind = 'codexhost-approval',
    format_item = function(choice)
      return choice.label
    end,
  }, function(choice)
    if entry.gone then
      return
    elseif not choice then
      return dismissed(entry)
    elseif choice.result == 'fill' then
      return fill(entry, question)
    end
    if choice.open then
      open(choice.open)
    end
    settle(entry, choice.result)
  end)
end

local function show_next()
  if not showing and queue[1] then
    show(queue[1])
  end
end

--- Puts a request of the host to the user; done(result) is called at most once. text is the message as it came.
--- False if it is of no known kind.
function M.ask(id, method, params, text, done)
  if not questions[method] then
    return false
  end
  table.insert(queue, { id = id, method = method, params = params, text = text, done = done })
  vim.schedule(show_next) -- a blocking vim.ui.select must not hold up the messages that came with this one
  return true
end

--- The request is settled, by us or without us: a late answer is dropped.
function M.resolved(id)
  for i, entry in ipairs(queue) do
    if entry.id == id then
      entry.gone = true
      table.remove(queue, i)
      if showing == entry then
        showing = nil
      end
      break
    end
  end
  vim.schedule(show_next)
end

--- The host is gone and all its questions with it.
function M.forget()
  for _, entry in ipairs(queue) do
    entry.gone = true
  end
  queue, showing = {}, nil
end

--- Shows the first open question again; false if there is none.
function M.reopen()
  if not queue[1] then
    return false
  end
  show(queue[1])
  return true
end

return M
