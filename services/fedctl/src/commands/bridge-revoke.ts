import { bridgeMove } from '../bridge-move.ts'
import type { Run } from '../invoke.ts'

export const bridgeRevoke = (run: Run) =>
  bridgeMove(run, {
    move: 'revoke',
    description: 'end a bridge for good; returns when no gateway can allow a call over it',
    question: 'End this bridge for good?',
  })
