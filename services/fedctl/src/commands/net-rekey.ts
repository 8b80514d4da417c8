import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { namesIn } from '../net/names-in.ts'
import { dryRun, reason } from '../options.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { listed } from '../values.ts'
import { written } from '../written.ts'

export const netRekey = (run: Run) =>
  new Command('rekey')
    .description('new preshared keys, where the secret they are made of cannot be opened any more; or of what is named')
    .argument('[networks...]', 'of these networks: their slugs, names or ids')
    .option('--peer <peers>', 'of the tunnels to these peers; by commas', listed)
    .addOption(reason())
    .addOption(dryRun())
    .action(
      run(async (session, networks, { peer: named = [], ...options }) => {
        const peers = await Promise.all(named.map((one) => resolvePeer(session, one)))
        const what = [...networks, ...named].join(', ') || 'whatever cannot be opened'
        if (!options.dryRun)
          await session.confirm(`New preshared keys of ${what}? Tunnels carry nothing until both ends have theirs.`)
        const { lines } = await session.clients.network.rekeyNetworks({
          networks,
          peerIds: peers.map(({ id }) => id),
          reason: options.reason,
          dryRun: options.dryRun === true,
        })
        const { nameOf } = await loadIntent(session)
        return written({
          dryRun: options.dryRun,
          data: { lines },
          text: (canvas) =>
            lines.map((line) => namesIn(line, nameOf)).join('\n') || canvas.to.good('every secret can be opened: nothing was made anew'), // prettier-ignore
        })
      }),
    )
