--- What the host asks the user: may this run, may these files change, which of these. One question is shown at a time,
--- through vim.ui.select and vim.ui.input; a question that was dismissed stays open until it is answered or taken back.
local M = {}

local queue = {}
local showing

local function choice(label, result)
  return { label = label, result = result }
end

local function decisions(session_label)
  return {
    choice('Yes', { decision = 'accept' }),
    choice(session_label, { decision = 'acceptForSession' }),
    choice('No', { decision = 'decline' }),
    choice('No, and stop the turn', { decision = 'cancel' }),
  }
end

-- Each builds a question: what it asks, and the choices, each with the answer that the host gets.
local questions = {}

questions['item/commandExecution/requestApproval'] = function(params)
  local choices = decisions('Yes, and do not ask again for this command in this session')
  local words = params.proposedExecpolicyAmendment
  if words and #words > 0 then
    local start = table.concat(words, ' '):gsub('%s+', ' ')
    if #start > 80 then
      start = start:sub(1, 80) .. ' ...'
    end
    table.insert(choices, 3, choice('Yes, and always allow what starts with: ' .. start, {
      decision = { acceptWithExecpolicyAmendment = { execpolicy_amendment = words } },
    }))
  end
  local text = ('Run this in %s?'):format(params.cwd or 'the workspace')
  if params.reason then
    text = text .. ' ' .. params.reason
  end
  return { text = text .. '\n' .. (params.command or ''), choices = choices }
end

questions['item/fileChange/requestApproval'] = function(params)
  local item = require('codexhost.session').items[params.itemId]
  local lines = require('codexhost.diff').lines(item and item.changes)
  local paths = {}
  for _, change in ipairs(item and item.changes or {}) do
    table.insert(paths, vim.fn.fnamemodify(change.path, ':~:.'))
  end
  local text = 'Change ' .. (#paths > 0 and table.concat(paths, ', ') or 'these files') .. '?'
  if params.reason then
    text = text .. ' ' .. params.reason
  end
  return {
    text = text,
    choices = decisions('Yes, and do not ask again for these files in this session'),
    diff = lines,
  }
end

questions['item/permissions/requestApproval'] = function(params)
  return {
    text = 'Grant more permissions? ' .. (params.reason or '') .. '\n' .. vim.json.encode(params.permissions),
    choices = {
      choice('Yes, for this turn', { permissions = params.permissions, scope = 'turn' }),
      choice('Yes, for this session', { permissions = params.permissions, scope = 'session' }),
      choice('No', { permissions = vim.empty_dict(), scope = 'turn' }),
    },
  }
end

-- Fields of a form have no place here: such a request is declined, with a word to the user.
questions['mcpServer/elicitation/request'] = function(params)
  local fields = params.requestedSchema and params.requestedSchema.properties or {}
  local text = ('%s asks: %s'):format(params.serverName or 'An MCP server', params.message or '')
  if params.url then
    text = text .. '\n' .. params.url
  end
  local choices = {
    choice('No', { action = 'decline' }),
    choice('No, and stop', { action = 'cancel' }),
  }
  if next(fields) == nil then
    local meta = params._meta or {}
    if vim.tbl_contains(meta.persist or {}, 'session') then
      table.insert(choices, 1, choice('Yes, and do not ask again in this session', {
        action = 'accept',
        content = vim.empty_dict(),
        _meta = { persist = 'session' },
      }))
    end
    table.insert(choices, 1, choice('Yes', { action = 'accept', content = vim.empty_dict() }))
  else
    text = text .. '\n(It wants a form filled in, which is not possible here.)'
  end
  return { text = text, choices = choices }
end

local show_next

local function settle(entry, result)
  if entry.gone then
    return
  end
  M.resolved(entry.id)
  entry.done(result)
end

-- Asks one question of a list after the other, then answers with all of it.
local function ask_user_input(entry, index, answers)
  local question = entry.params.questions[index]
  if not question then
    return settle(entry, { answers = answers })
  end
  local function got(text)
    if entry.gone then
      return
    elseif text == nil then
      return M.dismissed(entry)
    end
    answers[question.id] = { answers = { text } }
    ask_user_input(entry, index + 1, answers)
  end
  local function free()
    vim.ui.input({ prompt = question.question .. ' ' }, got)
  end
  if not question.options or #question.options == 0 then
    return free()
  end
  local options = vim.list_extend({}, question.options)
  if question.isOther then
    table.insert(options, { label = 'Something else', other = true })
  end
  vim.ui.select(options, {
    prompt = question.question,
    format_item = function(option)
      return option.label .. (option.description and ': ' .. option.description or '')
    end,
  }, function(option)
    if option and option.other then
      return free()
    end
    got(option and option.label)
  end)
end

function M.dismissed(entry)
  if not entry.gone then
    showing = nil
    require('codexhost.session').notice('A question waits for you: :CodexhostApprove asks it again.')
  end
end

local function show(entry)
  showing = entry
  if entry.method == 'item/tool/requestUserInput' then
    return ask_user_input(entry, 1, vim.empty_dict())
  end
  local question = questions[entry.method](entry.params)
  if question.diff and #question.diff > 0 and require('codexhost.config').get().open_diff ~= 'never' then
    require('codexhost.diff').show(question.diff)
    vim.cmd('redraw')
  end
  vim.ui.select(question.choices, {
    prompt = question.text,
    kind = 'codexhost-approval',
    format_item = function(item)
      return item.label
    end,
  }, function(item)
    if item then
      settle(entry, item.result)
    else
      M.dismissed(entry)
    end
  end)
end

show_next = function()
  if not showing and queue[1] then
    show(queue[1])
  end
end

--- Puts a request of the host to the user; done(result) is called at most once. False if it is of no known kind.
function M.ask(id, method, params, done)
  if not questions[method] and method ~= 'item/tool/requestUserInput' then
    return false
  end
  table.insert(queue, { id = id, method = method, params = params, done = done })
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
