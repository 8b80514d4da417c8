import { bridgeMove } from '../bridge-move.ts'
import type { Run } from '../invoke.ts'

export const bridgeResume = (run: Run) =>
  bridgeMove(run, {
    move: 'resume',
    description: 'go on with a suspended bridge',
  })
