if vim.g.loaded_codexhost then
  return
end
vim.g.loaded_codexhost = true

-- The modules are loaded by the first command, not by the start of the editor.
local function command(name, run, opts)
  vim.api.nvim_create_user_command(name, function(args)
    run(require('codexhost'), args)
  end, opts)
end

command('Codexhost', function(codexhost, args)
  codexhost.open()
  if args.args ~= '' then
    codexhost.ask(args.args)
  end
end, { nargs = '*', desc = 'Open the chat, and say something' })

command('CodexhostSend', function(codexhost, args)
  codexhost.send_lines(args.line1, args.line2, args.args)
end, { nargs = '*', range = true, desc = 'Send lines of this buffer, with a question' })

command('CodexhostSteer', function(codexhost, args)
  codexhost.steer(args.args)
end, { nargs = '+', desc = 'Say something to the turn that runs' })

command('CodexhostNew', function(codexhost)
  codexhost.new()
end, { desc = 'Start a new thread' })

command('CodexhostThreads', function(codexhost, args)
  codexhost.threads({ all = args.bang, search = args.args ~= '' and args.args or nil })
end, { bang = true, nargs = '*', desc = 'List the threads of this folder, of all folders with !, or search in them' })

command('CodexhostRename', function(codexhost, args)
  codexhost.rename(args.args)
end, { nargs = '+', desc = 'Name the thread' })

command('CodexhostFork', function(codexhost)
  codexhost.fork()
end, { desc = 'Go on in a copy of the thread, up to the turn under the cursor' })

command('CodexhostModel', function(codexhost, args)
  codexhost.choose('model', args.args)
end, { nargs = '?', desc = 'Choose the model of the next turns' })

local function choice(name, setting, desc)
  command(name, function(codexhost, args)
    codexhost.choose(setting, args.args)
  end, {
    nargs = '?',
    desc = desc,
    complete = function(start)
      local names = {}
      for _, value in ipairs(require('codexhost.choose').values[setting]) do
        if vim.startswith(value[1], start) then
          table.insert(names, value[1])
        end
      end
      return names
    end,
  })
end

choice('CodexhostSandbox', 'sandbox', 'Choose what commands of the next turns may do')
choice('CodexhostApprovals', 'approval_policy', 'Choose when you are asked')
choice('CodexhostMode', 'mode', 'Choose whether the next turns plan or work')

command('CodexhostStatus', function(codexhost)
  codexhost.status()
end, { desc = 'Show the host, the thread, skills and MCP servers' })

command('CodexhostInterrupt', function(codexhost)
  codexhost.interrupt()
end, { desc = 'Interrupt the turn that runs' })

command('CodexhostApprove', function(codexhost)
  codexhost.approve()
end, { desc = 'Answer the question that waits for you' })

command('CodexhostDiff', function(codexhost)
  codexhost.diff()
end, { desc = 'Show what the last turn changed' })

command('CodexhostStop', function(codexhost)
  codexhost.stop()
end, { desc = 'End the host' })
