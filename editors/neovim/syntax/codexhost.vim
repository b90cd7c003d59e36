if exists('b:current_syntax')
  finish
endif
runtime! syntax/markdown.vim
unlet! b:current_syntax

syntax match codexhostUser /^> .*$/
syntax match codexhostReasoning /^\~ .*$/
syntax match codexhostCommand /^\$ .*$/
syntax match codexhostOutput /^    .*$/
syntax match codexhostChange /^± .*$/
syntax match codexhostNotice /^! .*$/

highlight default link codexhostUser Title
highlight default link codexhostReasoning Comment
highlight default link codexhostCommand Statement
highlight default link codexhostOutput Comment
highlight default link codexhostChange Special
highlight default link codexhostNotice WarningMsg

let b:current_syntax = 'codexhost'
