--- What the host can ask, as questions for a person: pure functions, one for each method.
---
--- A question has text; choices, each with a label and the result that the host gets; maybe a diff to look at, and fields
--- to fill in. Then fill(values) makes the result of the choice whose result is 'fill', or of all if there are no choices.
local M = {}

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

local function shortened(text)
  text = text:gsub('%s+', ' ')
  return #text > 80 and text:sub(1, 80) .. ' ...' or text
end

M['item/commandExecution/requestApproval'] = function(params)
  local choices = decisions('Yes, and do not ask again for this command in this session')
  local words = params.proposedExecpolicyAmendment
  if words and #words > 0 then
    table.insert(choices, 3, choice('Yes, and always allow what starts with: ' .. shortened(table.concat(words, ' ')), {
      decision = { acceptWithExecpolicyAmendment = { execpolicy_amendment = words } },
    }))
  end
  for _, rule in ipairs(params.proposedNetworkPolicyAmendments or {}) do
    table.insert(choices, #choices - 1, choice(('Always %s %s'):format(rule.action, rule.host), {
      decision = { applyNetworkPolicyAmendment = { network_policy_amendment = rule } },
    }))
  end
  local text = ('Run this in %s?'):format(params.cwd or 'the workspace')
  local network = params.networkApprovalContext
  if network then
    text = ('Connect to %s (%s)?'):format(network.host, network.protocol)
  end
  if params.reason then
    text = text .. ' ' .. params.reason
  end
  text = text .. '\n' .. (params.command or '')
  if params.additionalPermissions then
    text = text .. '\nwith more permissions: ' .. vim.json.encode(params.additionalPermissions)
  end
  return { text = text, choices = choices }
end

--- item is the fileChange that the request is about, if it was announced.
M['item/fileChange/requestApproval'] = function(params, item)
  local paths = {}
  for _, change in ipairs(item and item.changes or {}) do
    table.insert(paths, vim.fn.fnamemodify(change.path, ':~:.'))
  end
  local text = 'Change ' .. (#paths > 0 and table.concat(paths, ', ') or 'these files') .. '?'
  if params.reason then
    text = text .. ' ' .. params.reason
  end
  if params.grantRoot then
    text = text .. ('\nYes allows writing below %s for the rest of the session.'):format(params.grantRoot)
  end
  return {
    text = text,
    choices = decisions('Yes, and do not ask again for these files in this session'),
    diff = require('codexhost.diff').lines(item and item.changes),
  }
end

M['item/permissions/requestApproval'] = function(params)
  return {
    text = 'Grant more permissions? ' .. (params.reason or '') .. '\n' .. vim.json.encode(params.permissions),
    choices = {
      choice('Yes, for this turn', { permissions = params.permissions, scope = 'turn' }),
      choice('Yes, for this session', { permissions = params.permissions, scope = 'session' }),
      choice('No', { permissions = vim.empty_dict(), scope = 'turn' }),
    },
  }
end

local function accept(content, persist)
  return { action = 'accept', content = content or vim.empty_dict(), _meta = persist and { persist = persist } or nil }
end

local refusals = { choice('No', { action = 'decline' }), choice('Cancel', { action = 'cancel' }) }

-- The host's own question before a tool of a server runs.
local function tool_call(params, meta)
  local persist = type(meta.persist) == 'table' and meta.persist or { meta.persist }
  local choices = { choice('Yes', accept()) }
  if vim.tbl_contains(persist, 'session') then
    table.insert(choices, choice('Yes, and do not ask again in this session', accept(nil, 'session')))
  end
  if vim.tbl_contains(persist, 'always') then
    table.insert(choices, choice('Yes, and never ask again for this tool', accept(nil, 'always')))
  end
  local text = params.message or ('Run a tool of %s?'):format(params.serverName)
  if type(meta.tool_params) == 'table' and next(meta.tool_params) ~= nil then
    text = text .. '\n' .. vim.json.encode(meta.tool_params)
  end
  return { text = text, choices = vim.list_extend(choices, refusals) }
end

M['mcpServer/elicitation/request'] = function(params, _, text)
  local meta = params._meta or {}
  if meta.codex_approval_kind == 'mcp_tool_call' then
    return tool_call(params, meta)
  end
  local question = {
    text = ('%s asks: %s'):format(params.serverName or 'An MCP server', params.message or ''),
    choices = vim.list_extend({ choice('Yes', accept()) }, refusals),
  }
  if params.mode == 'url' then
    question.text = question.text .. '\n' .. params.url
    question.choices[1] = choice('Yes, I open it myself', accept())
    table.insert(question.choices, 1, { label = 'Yes, open it', result = accept(), open = params.url })
    return question
  end
  question.fields = require('codexhost.form').fields(params.requestedSchema, text)
  if #question.fields > 0 then
    question.choices[1] = choice('Answer', 'fill')
    question.fill = accept
  end
  return question
end

M['item/tool/requestUserInput'] = function(params)
  local fields = {}
  for _, asked in ipairs(params.questions) do
    local options = {}
    for _, option in ipairs(asked.options or {}) do
      table.insert(options, { value = option.label, label = option.label, description = option.description })
    end
    table.insert(fields, {
      name = asked.id,
      label = asked.question,
      kind = #options > 0 and 'one' or asked.isSecret and 'secret' or 'text',
      options = options,
      other = asked.isOther,
    })
  end
  return {
    fields = fields,
    fill = function(values)
      local answers = vim.empty_dict()
      for name, value in pairs(values) do
        answers[name] = { answers = { value } }
      end
      return { answers = answers }
    end,
  }
end

return M
