/**
 * Answers what comes in, in the order it came: up to `atOnce` are under way together, so what is told while an answer is being
 * made need not wait for it. More than that is not read, and so held back with whoever tells it.
 *
 * `answer` is called in the order of the messages. The first that fails ends it, after all answers before it.
 */
export async function* answerInOrder<Said, Answer>(
  said: AsyncIterable<Said>,
  atOnce: number,
  answer: (one: Said) => Promise<Answer>,
): AsyncGenerator<Answer> {
  const underWay: Promise<Answer>[] = []
  let [hasNews, hasRoom] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isOver = false
  const read = async () => {
    for await (const one of said) {
      const answered = answer(one)
      answered.catch(() => {}) // heard when it is its turn
      underWay.push(answered)
      hasNews.resolve()
      while (underWay.length >= atOnce && !isOver) {
        hasRoom = Promise.withResolvers()
        await hasRoom.promise
      }
      if (isOver) return
    }
  }
  const reading = read().finally(() => {
    isOver = true
    hasNews.resolve()
  })
  reading.catch(() => {}) // heard at the end
  try {
    while (underWay.length > 0 || !isOver) {
      const [next] = underWay
      if (next) {
        const answered = await next
        void underWay.shift()
        hasRoom.resolve()
        yield answered
      } else {
        hasNews = Promise.withResolvers()
        await hasNews.promise
      }
    }
    await reading
  } finally {
    isOver = true
    hasRoom.resolve()
  }
}
