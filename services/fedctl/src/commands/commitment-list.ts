import { Command } from '@commander-js/extra-typings'
import { CommitmentSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { commitmentTable } from '../render/findings.ts'

export const commitmentList = (run: Run) =>
  new Command('list')
    .description("the contract's twelve commitments: what is checked of each, and the last result")
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const contract = await session.clients.governance.listCommitments({ peerId })
        const { commitments, contractVersion, contractSha256 } = contract
        const name = await namePeers(session)
        return {
          data: {
            commitments: commitments.map((commitment) => plain(CommitmentSchema, commitment)),
            contract_version: contractVersion,
            contract_sha256: contractSha256,
          },
          text: (canvas) => commitmentTable(contract, canvas, name),
          exit: commitments.some(({ result }) => result === 'broken') ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
