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
  codexhost.threads({ all = args.bang })
end, { bang = true, desc = 'Pick a thread of this folder to go on with; of all folders with !' })

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
