import type { JsonObject } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { GrantSchema, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { bindings, cidrs, dryRun, networks, nodes, peer, scopes, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { grantSheet, issuedText } from '../render/grants.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { durationMs, pairs } from '../values.ts'
import { isWaiting, until } from '../wait.ts'
import { present, written } from '../written.ts'

export const grantCreate = (run: Run) =>
  new Command('create')
    .description('give a peer leave to do something here; the bearer is shown once')
    .addArgument(peer())
    .requiredOption('--kind <kind>', 'of which kind of resource (see: fedctl resource kinds)')
    .option('--id <id>', 'only this one of the kind', '')
    .addOption(scopes().makeOptionMandatory())
    .addOption(nodes())
    .addOption(networks())
    .addOption(cidrs())
    .addOption(bindings())
    .option('--subject <name>', 'for whom on the other side (default operator@<peer id>)', '')
    .option('--ttl <duration>', 'how long it is good for (default: see fedctl grant settings)', durationMs)
    .option('--deliver', "hand grant and bearer to the peer's platform over the border, so that nobody has to carry it")
    .option('--meta <key=value>', 'kept with the grant; can be repeated', pairs, {})
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        if (isWaiting(options.wait) && !options.deliver)
          throw usage('a grant is in force when the command returns: only a delivery is waited for', '--deliver --wait')
        const { id: peerId } = await resolvePeer(session, named)
        const { grant, bearer, openItems } = await session.clients.grants.createGrant({
          peerId,
          remoteSubject: options.subject,
          resourceKind: options.kind,
          resourceId: options.id,
          scopes: options.scope,
          nodeInstanceIds: options.node ?? [],
          sdwanNetworkIds: options.network ?? [],
          sourceCidrs: options.cidr ?? [],
          boundIdentities: options.bind ?? [],
          ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
          metadata: options.meta as JsonObject, // pairs() makes nothing but JSON
          deliver: options.deliver === true,
          dryRun: options.dryRun === true,
        })
        const given = present(grant, 'a grant')
        const name = await namePeers(session)
        const command = bearer === '' ? '' : await commandThere(session, given)
        const outcome = written({
          dryRun: options.dryRun,
          data: { grant: plain(GrantSchema, given), bearer, command },
          text: (canvas) =>
            [grantSheet(given, canvas, name), bearer && issuedText(bearer, command, canvas)]
              .filter(Boolean)
              .join('\n\n'),
          openItems,
        })
        if (!isWaiting(options.wait) || options.dryRun) return outcome
        session.emit(outcome) // the bearer first: it is not shown again, whatever becomes of the delivery
        const delivered = await untilDelivered(session, given.id, options.wait)
        return {
          data: { grant: plain(GrantSchema, delivered) },
          text: (canvas) => canvas.to.good('delivered'),
          exit: outcome.exit ?? 0,
          isItem: true,
        }
      }),
    )

/** What the operator over there types. They may call us anything, but our platform id is ours everywhere. */
async function commandThere({ clients }: Session, grant: Grant): Promise<string> {
  const { platform } = await clients.peers.getPlatform({})
  const { resourceKind: kind, resourceId: id, scopes } = grant
  const us = platform?.platformId ?? '<us>'
  if (!scopes.includes('read')) return `fedctl resource update ${kind} ${id || '<id>'} --peer ${us} --set … --grant -`
  return id
    ? `fedctl resource show ${kind} ${id} --peer ${us} --grant -`
    : `fedctl resource list --peer ${us} --kind ${kind} --grant -`
}

async function untilDelivered(session: Session, grantId: string, ms: number): Promise<Grant> {
  return until(session, {
    ms,
    look: async () => present((await session.clients.grants.getGrant({ grantId })).grant, 'a grant'),
    judge: ({ deliveredAt }) => (deliveredAt ? 'done' : 'not yet'),
    missing: () => ({ message: 'the grant had not reached the other side', next: `fedctl grant show ${grantId}` }),
  })
}
