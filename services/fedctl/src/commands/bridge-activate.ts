import { bridgeMove } from '../bridge-move.ts'
import type { Run } from '../invoke.ts'

export const bridgeActivate = (run: Run) =>
  bridgeMove(run, {
    move: 'activate',
    description: 'calls that name the network are allowed, as far as grants go',
  })
