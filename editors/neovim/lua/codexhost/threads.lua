--- The picker of threads.
local session = require('codexhost.session')

local M = {}

local function label(thread)
  local title = thread.name or thread.preview or ''
  title = title:gsub('%s+', ' ')
  if title == '' then
    title = '(empty)'
  end
  return ('%s  %s'):format(os.date('%Y-%m-%d %H:%M', thread.updatedAt), vim.fn.strcharpart(title, 0, 70))
end

function M.pick(opts)
  session.list(opts and opts.all, function(threads)
    if #threads == 0 then
      return session.notice(opts and opts.all and 'There are no threads yet.' or 'There are no threads of this folder.')
    end
    vim.ui.select(threads, { prompt = 'Go on with', kind = 'codexhost-thread', format_item = label }, function(thread)
      if thread then
        session.resume(thread.id)
      end
    end)
  end)
end

return M
