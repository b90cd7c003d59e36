--- :checkhealth codexhost
local M = {}

local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local err = health.error or health.report_error

local function check_skills_and_servers(call, thread)
  local skills = call('skills/list', { cwds = { vim.fn.getcwd() } })
  for _, entry in ipairs(skills.result and skills.result.data or {}) do
    ok(('%d skills'):format(#entry.skills))
    for _, broken in ipairs(entry.errors) do
      warn(('The skill %s is broken: %s'):format(broken.path, broken.message))
    end
  end
  call('codexhost/mcp/waitFor', { threadId = thread, timeoutMs = 10000 }) -- who cannot wait lists what there is
  local servers = call('mcpServerStatus/list', { threadId = thread })
  for _, server in ipairs(servers.result and servers.result.data or {}) do
    if server.toolsError then
      warn(('The MCP server %s is broken: %s'):format(server.name, server.toolsError))
    else
      ok(('The MCP server %s has %d tools'):format(server.name, vim.tbl_count(server.tools)))
    end
  end
end

-- One host of its own, started and asked: what a session would meet.
local function check_host(settings)
  local answer, ended
  local connection, why = require('codexhost.rpc').connect(settings.cmd, { env = settings.env }, {
    notification = function(method, params)
      if method == 'configWarning' then
        warn(params.summary .. (params.details and ': ' .. params.details or ''))
      end
    end,
    request = function() end,
    exit = function(status, words)
      ended = ('it ended with status %d. %s'):format(status, table.concat(words, ' '))
    end,
  })
  if not connection then
    return err(why)
  end
  local function call(method, params)
    answer = nil
    connection:request(method, params, 20, function(failed, result)
      answer = { failed = failed, result = result }
    end)
    vim.wait(21000, function()
      return answer ~= nil
    end, 10)
    return answer or { failed = { message = 'no answer' } }
  end
  local hello = call('initialize', require('codexhost.rpc').hello)
  if hello.failed then
    return err(('%s does not answer: %s'):format(settings.cmd[1], ended or hello.failed.message))
  end
  ok('The host answers: ' .. hello.result.userAgent)
  if hello.result.codexHome then
    ok('Threads and config.toml are in ' .. hello.result.codexHome)
  end
  local started = call('thread/start', { ephemeral = true, cwd = vim.fn.getcwd(), model = settings.model })
  if started.failed then
    err('No thread can be started: ' .. require('codexhost.rpc').describe(started.failed))
  else
    local answer = started.result
    ok(('The model is %s, of the provider %s'):format(answer.model, answer.modelProvider))
    if answer.modelProvider == 'offline' then
      warn('The built-in offline model answers, which does not think', {
        'Set OPENAI_API_KEY, or name a model_provider in config.toml',
      })
    end
    check_skills_and_servers(call, answer.thread.id)
  end
  connection:close()
  if not vim.wait(20000, function()
    return connection.ended
  end, 10) then
    warn('The host does not end with its input')
  end
end

function M.check()
  start('codexhost')
  if vim.fn.has('nvim-0.7') == 1 then
    ok('Neovim has what is needed')
  else
    err('Neovim 0.7 or newer is needed')
  end
  local settings = require('codexhost.config').get()
  if vim.fn.executable(settings.cmd[1]) ~= 1 then
    return err(('%s is not an executable program'):format(settings.cmd[1]), {
      'Build codexhost with `make build` and put its bin/ on your PATH,',
      "or name it: require('codexhost').setup({ cmd = { '/path/to/codexhost', 'app-server' } })",
    })
  end
  ok(('The program is %s'):format(vim.fn.exepath(settings.cmd[1])))
  check_host(settings)
end

return M
