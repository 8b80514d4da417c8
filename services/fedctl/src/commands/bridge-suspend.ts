import { bridgeMove } from '../bridge-move.ts'
import type { Run } from '../invoke.ts'

export const bridgeSuspend = (run: Run) =>
  bridgeMove(run, {
    move: 'suspend',
    description: 'no call over the network until it is resumed',
  })
