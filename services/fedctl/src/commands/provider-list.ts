import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { offersOf, plainOffer } from '../plain-offer.ts'
import { providerTable } from '../render/providers.ts'

export const providerList = (run: Run) =>
  new Command('list').description('what makes instances: whether it can now, where and how large').action(
    run(async (session) => {
      const offers = offersOf(await session.clients.spawning.listProviders({}))
      return {
        data: { providers: offers.map(plainOffer) },
        text: (canvas) => providerTable(offers, canvas),
      }
    }),
  )
