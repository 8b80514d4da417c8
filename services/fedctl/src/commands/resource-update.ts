import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { ResourceSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { callHeaders } from '../bearer.ts'
import type { Run } from '../invoke.ts'
import { bearer, forNode, overNetwork, dryRun, fields, whosePeer, revision, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { needed } from '../peer-choice.ts'
import { usage } from '../problem.ts'
import { decidedLine, resourceSheet } from '../render/resources.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { recordFrom } from '../said.ts'
import { present, written } from '../written.ts'

const HOW = 'fedctl resource update <kind> <id> --peer <peer> --set name=value'

export const resourceUpdate = (run: Run) =>
  new Command('update')
    .description("change fields of a peer's resource, over the border; --dry-run asks only whether we may")
    .argument('<kind>', 'for example NodeModule')
    .argument('<id>', 'its id; compared byte by byte')
    .addOption(whosePeer())
    .addOption(fields())
    .option('-f, --file <file>', 'the fields as JSON or YAML; - reads them from stdin')
    .addOption(revision())
    .addOption(bearer())
    .addOption(forNode())
    .addOption(overNetwork())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, kind, id, options) => {
        if (options.set === undefined && options.file === undefined) throw usage('nothing was given to change', HOW)
        if (options.file === '-' && options.grant === '-')
          throw usage('stdin holds either the fields or the grant', 'put the grant into FEDCTL_GRANT')
        const { id: peerId } = await resolvePeer(session, needed(options.peer, HOW))
        const changes = recordFrom(session, options.file, options.set) as JsonObject // as above: nothing but JSON
        const headers = callHeaders(peerId, options, session.env)
        const { border } = session.clients
        if (options.dryRun) {
          const { decisionId } = await border.checkAccess({ kind, id, scope: 'write' }, headers)
          return written({
            dryRun: true,
            data: { changes, decision_id: decisionId },
            text: (canvas) => `they would let us write\n${decidedLine(decisionId, canvas)}`,
          })
        }
        // Written over there when the call returns: there is nothing to wait for.
        const answer = await border.updateResource({ kind, id, changes, ifRevision: options.ifRevision ?? 0n }, headers)
        const resource = present(answer.resource, 'a resource')
        return written({
          dryRun: false,
          data: { resource: plain(ResourceSchema, resource), decision_id: answer.decisionId },
          text: (canvas) => `${resourceSheet(resource, canvas)}\n\n${decidedLine(answer.decisionId, canvas)}`,
        })
      }),
    )
