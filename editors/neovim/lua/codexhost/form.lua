--- Forms: fields that are asked one after the other, through vim.ui.input and vim.ui.select.
---
--- A field has name, label and kind ('text', 'secret', 'number', 'integer', 'boolean', 'one', 'many'); maybe description,
--- required, default, options ({ value, label, description }), other (an answer beside the options can be typed), and what a
--- JSON schema says of limits: minLength, maxLength, minimum, maximum, minItems, maxItems, format.
local M = {}

local formats = {
  email = { '^%S+@%S+$', 'an address such as me@example.com' },
  uri = { '^%a[%w+.-]*:%S+$', 'an address such as https://example.com' },
  date = { '^%d%d%d%d%-%d%d%-%d%d$', 'a date such as 2026-01-31' },
  ['date-time'] = { '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d', 'a time such as 2026-01-31T12:00:00Z' },
}

local function options_of(schema)
  local out = {}
  for _, one in ipairs(schema.oneOf or schema.anyOf or {}) do
    table.insert(out, { value = one.const, label = one.title or one.const })
  end
  for i, value in ipairs(schema.enum or {}) do
    table.insert(out, { value = value, label = (schema.enumNames or {})[i] or value })
  end
  return #out > 0 and out or nil
end

local function kind_of(schema, options)
  if schema.type == 'array' then
    return 'many'
  elseif options then
    return 'one'
  elseif schema.type == 'boolean' or schema.type == 'number' or schema.type == 'integer' then
    return schema.type
  end
  return 'text'
end

--- The fields of a requested schema. Lua's tables have no order, so text, the message as it came, gives it.
function M.fields(schema, text)
  local fields, place = {}, {}
  local start = (text or ''):find('"properties":', 1, true) or 1
  for name, property in pairs(schema and schema.properties or {}) do
    local options = options_of(property.type == 'array' and property.items or property)
    local field = vim.tbl_extend('error', {}, property)
    field.name, field.label = name, property.title or name
    field.kind, field.options = kind_of(property, options), options
    field.required = vim.tbl_contains(schema.required or {}, name)
    place[field] = (text or ''):find(vim.json.encode(name) .. ':{', start, true) or math.huge
    table.insert(fields, field)
  end
  table.sort(fields, function(a, b)
    if place[a] ~= place[b] then
      return place[a] < place[b]
    end
    return a.name < b.name
  end)
  return fields
end

local function too(number, least, most, unit)
  if least and number < least then
    return ('at least %s%s, please'):format(least, unit)
  elseif most and number > most then
    return ('at most %s%s, please'):format(most, unit)
  end
end

--- What was typed as the field's value; or nil and what is wrong with it.
function M.value(field, text)
  local value = text
  local why
  if field.kind == 'number' or field.kind == 'integer' then
    value = tonumber(text)
    if not value or field.kind == 'integer' and value % 1 ~= 0 then
      return nil, 'a number, please'
    end
    why = too(value, field.minimum, field.maximum, '')
  else
    local format = formats[field.format]
    if format and not text:find(format[1]) then
      return nil, format[2] .. ', please'
    end
    why = too(vim.fn.strchars(text), field.minLength, field.maxLength, ' characters')
  end
  if why then
    return nil, why
  end
  return value
end

local function prompt(field, why)
  local text = field.label
  if field.description and field.description ~= '' then
    text = text .. ' (' .. field.description .. ')'
  end
  return why and ('%s. %s'):format(text, why) or text
end

local leave_out = 'Leave it out'

-- Neovim 0.7 does not tell an empty text from none.
local function empty_is_nil()
  return vim.fn.has('nvim-0.8') == 0
end

local function type_in(field, why, got)
  local function typed(text)
    if text == nil and not field.required and empty_is_nil() then
      return vim.ui.select({ leave_out, 'Type it again' }, { prompt = prompt(field) }, function(choice)
        if choice == leave_out then
          return got(true, nil)
        elseif choice then
          return type_in(field, why, got)
        end
        got(false)
      end)
    elseif text == nil then
      return got(false)
    elseif text == '' then
      if field.required then
        return type_in(field, 'An answer is needed', got)
      end
      return got(true, nil)
    end
    local value, wrong = M.value(field, text)
    if wrong then
      return type_in(vim.tbl_extend('force', field, { default = text }), wrong, got)
    end
    got(true, value)
  end
  local text = prompt(field, why) .. (field.required and ': ' or ', or nothing: ')
  if field.kind == 'secret' then
    local ok, secret = pcall(vim.fn.inputsecret, text)
    return typed(ok and secret or nil)
  end
  vim.ui.input({ prompt = text, default = field.default ~= nil and tostring(field.default) or nil }, typed)
end

local function pick(field, got)
  local options = {}
  for _, option in ipairs(field.options) do
    table.insert(options, option.value == field.default and 1 or #options + 1, option)
  end
  if field.other then
    table.insert(options, { label = 'Something else', other = true })
  end
  if not field.required then
    table.insert(options, { label = leave_out, none = true })
  end
  vim.ui.select(options, {
    prompt = prompt(field),
    kind = 'codexhost-field',
    format_item = function(option)
      return option.label .. (option.description and ': ' .. option.description or '')
    end,
  }, function(option)
    if not option then
      got(false)
    elseif option.other then
      type_in({ kind = 'text', label = field.label, required = field.required }, nil, got)
    else
      got(true, not option.none and option.value or nil)
    end
  end)
end

local function tick(field, chosen, why, got)
  local entries = {}
  for _, option in ipairs(field.options) do
    table.insert(entries, { option = option, label = (chosen[option.value] and '[x] ' or '[ ] ') .. option.label })
  end
  table.insert(entries, 1, { label = 'That is all' })
  vim.ui.select(entries, {
    prompt = prompt(field, why),
    kind = 'codexhost-field',
    format_item = function(entry)
      return entry.label
    end,
  }, function(entry)
    if not entry then
      return got(false)
    elseif entry.option then
      chosen[entry.option.value] = not chosen[entry.option.value] or nil
      return tick(field, chosen, nil, got)
    end
    local values = {}
    for _, option in ipairs(field.options) do
      if chosen[option.value] then
        table.insert(values, option.value)
      end
    end
    if #values == 0 and not field.required then
      return got(true, nil)
    end
    local wrong = too(#values, field.minItems, field.maxItems, ' of them')
    if wrong then
      return tick(field, chosen, wrong, got)
    end
    got(true, values)
  end)
end

-- got(true, value) with the answer, nil if it was left out; got(false) if the question was dismissed.
local function ask_field(field, got)
  if field.kind == 'many' then
    local chosen = {}
    for _, value in ipairs(field.default or {}) do
      chosen[value] = true
    end
    return tick(field, chosen, nil, got)
  elseif field.kind == 'boolean' then
    local options = { { value = 'true', label = 'Yes' }, { value = 'false', label = 'No' } }
    local asked = vim.tbl_extend('force', field, { options = options, default = tostring(field.default) })
    return pick(asked, function(answered, value)
      if value ~= nil then
        value = value == 'true'
      end
      got(answered, value)
    end)
  elseif field.kind == 'one' then
    return pick(field, got)
  end
  type_in(field, nil, got)
end

--- Asks field after field while alive(). done(values) gets what was answered, by name; or nil if one was dismissed.
function M.ask(fields, alive, done)
  local values = vim.empty_dict()
  local function from(index)
    local field = fields[index]
    if not field then
      return done(values)
    end
    ask_field(field, function(answered, value)
      if not alive() then
        return
      elseif not answered then
        return done(nil)
      end
      values[field.name] = value
      -- The next one is asked when this one's prompt is gone from the screen.
      vim.schedule(function()
        if alive() then
          from(index + 1)
        end
      end)
    end)
  end
  from(1)
end

return M
