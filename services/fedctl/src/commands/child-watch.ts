import { Argument, Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { newsItem, spawnNews } from '../spawn-news.ts'

export const childWatch = (run: Run) =>
  new Command('watch')
    .description('every step as it is taken, until the child is active or gone; of all children, until Ctrl-C')
    .addArgument(new Argument('[child]', 'id, hostname or peer of a child').default(''))
    .option('--follow', 'go on beyond that, until Ctrl-C')
    .option('--limit <count>', 'end after so many lines', Number, Infinity)
    .action(
      run(async (session, child, { follow, limit }) => {
        const { signal } = session
        let shown = 0
        for await (const news of spawnNews(session, { child, follow: follow === true || child === '', signal })) {
          session.emit(newsItem(news))
          shown += 1
          if (shown >= limit) break
        }
        return undefined
      }),
    )
