import { Command } from '@commander-js/extra-typings'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { plainStatus, platformStatus } from '../platform-status.ts'
import { isWell, statusText } from '../render/status.ts'

export const status = (run: Run) =>
  new Command('status').description('the platform on one screen: services, peers, certificates, CA').action(
    run(async (session) => {
      const found = await platformStatus(session)
      return {
        data: plainStatus(found),
        text: (canvas) => statusText(found, canvas),
        exit: isWell(found) ? EXIT.done : EXIT.doneWithOpenItems,
      }
    }),
  )
