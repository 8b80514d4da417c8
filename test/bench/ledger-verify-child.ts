/** Verifies the log in a directory, as a process of its own: `<directory> <origin> <vkey>…`. Says how much memory it took. */
import { filesIn, verifyDirectory } from '@powernode/ledger'
import { parseVkey } from '@powernode/tlog'

const [dir = '', origin = '', ...vkeys] = process.argv.slice(2)
const { intact } = await verifyDirectory(filesIn(dir), vkeys.map(parseVkey), { origin })
process.stdout.write(JSON.stringify({ intact, rssMib: Math.round(process.resourceUsage().maxRSS / 1024) }))
