"""Queues, locks and shared values between forked processes.

must: value "ok"
"""

import multiprocessing


def work(queue, lock, total):
    with lock:
        total.value += 1
    queue.put("done")


def attempt():
    context = multiprocessing.get_context("fork")
    queue, lock, total = context.Queue(), context.Lock(), context.Value("i", 0)
    processes = [context.Process(target=work, args=(queue, lock, total)) for _ in range(4)]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=10) for _ in processes]
    for process in processes:
        process.join()
    return "ok" if answers == ["done"] * 4 and total.value == 4 else "wrong"
