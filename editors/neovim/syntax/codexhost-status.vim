if exists('b:current_syntax')
  finish
endif

syntax match codexhostHeading /^\S.*$/
syntax match codexhostNotice /^  ! .*$/

highlight default link codexhostHeading Title
highlight default link codexhostNotice WarningMsg

let b:current_syntax = 'codexhost-status'
