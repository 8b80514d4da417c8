import { Command } from '@commander-js/extra-typings'
import { AcceptanceRunSchema } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { acceptanceTable } from '../render/acceptances.ts'

export const acceptanceList = (run: Run) =>
  new Command('list').description('invitations taken up by the skill: how far each has come, newest first').action(
    run(async (session) => {
      const runs = await allPages(
        (pageToken) => session.clients.acceptance.listAcceptances({ pageSize: 1000, pageToken }),
        (page) => page.runs,
      )
      const names = await namePeers(session)
      return {
        data: { acceptances: runs.map((one) => plain(AcceptanceRunSchema, one)) },
        text: (canvas) => acceptanceTable(runs, canvas, names),
      }
    }),
  )
