import { relative, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { entryPlace } from '../entry-place.ts'
import { place } from '../exported-log.ts'
import type { Run } from '../invoke.ts'
import { entry, ofPeer, proofFile } from '../options.ts'
import { proofWithLeaf } from '../proof-with-leaf.ts'
import { proofText } from '../render/proof.ts'

export const auditProve = (run: Run) =>
  new Command('prove')
    .description('the proof that an entry is in its log, as a file that can be checked years from now without us')
    .addArgument(entry())
    .addOption(ofPeer())
    .addOption(proofFile())
    .action(
      run(async (session, text, { peer, out }) => {
        const { ledger } = session.clients
        const { proof: bare, leaf } = await ledger.proveEntry(await entryPlace(session, text, peer))
        const proof = proofWithLeaf(bare, leaf)
        const file = out === undefined ? undefined : resolve(session.env.cwd, out)
        if (file !== undefined) place(file, proof.text)
        const { origin, size } = proof.checkpoint
        return {
          data: {
            file: file ?? null,
            origin,
            index: proof.index,
            size,
            signatures: proof.signatures,
            leaf: Buffer.from(leaf).toString('utf8'),
            ...(file === undefined && { proof: proof.text }),
          },
          text: (canvas) =>
            file === undefined ? proof.text : proofText(proof, relative(session.env.cwd, file), canvas),
        }
      }),
    )
