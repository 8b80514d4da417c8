import { Command } from '@commander-js/extra-typings'
import { SimulateVersionResponseSchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { simulationText } from '../render/versions.ts'
import { wholeVersion } from '../values.ts'

export const versionSimulate = (run: Run) =>
  new Command('simulate')
    .description(
      'can we upgrade? how we would stand with our real peers; exit code 3 when some would be lost or lessened',
    )
    .argument('<version>', 'the version we would be of, for example 2.0.0', wholeVersion)
    .action(
      run(async (session, version) => {
        const answer = await session.clients.versions.simulateVersion({ version })
        const name = await namePeers(session)
        return {
          data: plain(SimulateVersionResponseSchema, answer),
          text: (canvas) => simulationText(answer, version, canvas, name),
          exit: answer.safe ? EXIT.done : EXIT.doneWithOpenItems,
        }
      }),
    )
