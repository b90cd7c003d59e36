if exists('b:current_syntax')
  finish
endif

syntax match codexhostHeading /\%1l.*/
syntax match codexhostHint /\%2l.*/
syntax match codexhostCurrent /^\* .*$/

highlight default link codexhostHeading Title
highlight default link codexhostHint Comment
highlight default link codexhostCurrent Special

let b:current_syntax = 'codexhost-threads'
