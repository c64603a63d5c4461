package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Workers whose wall clock is ten minutes ahead, and others whose is ten minutes behind. */
final class ShiftedClocks {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <stdlib.h>
            #include <sys/time.h>
            #include <time.h>
            static long shift(void) { const char *s = getenv("CLOCK_SHIFT"); return s ? atol(s) : 0; }
            int clock_gettime(clockid_t id, struct timespec *t) {
              static int (*real)(clockid_t, struct timespec *);
              if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
              int r = real(id, t);
              if (r == 0 && id == CLOCK_REALTIME) t->tv_sec += shift();
              return r;
            }
            int gettimeofday(struct timeval *t, void *z) {
              static int (*real)(struct timeval *, void *);
              if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
              int r = real(t, z);
              if (r == 0) t->tv_sec += shift();
              return r;
            }
            """;

    private ShiftedClocks() {}

    static void measure() throws Exception {
        Path library;
        try {
            library = compiled();
        } catch (IOException e) {
            StreamFigures.print("q11: not run: no C compiler (%s)", e);
            return;
        }
        String preload = "LD_PRELOAD=" + library;
        try (RedisServer redis = StreamFigures.redis();
                StreamWorker.Group ahead = new StreamWorker.Group(
                        List.of(preload, "CLOCK_SHIFT=600"), "ours", redis.url(), 2, StreamFigures.WORK, 30_000);
                StreamWorker.Group behind = new StreamWorker.Group(
                        List.of(preload, "CLOCK_SHIFT=-600"), "ours", redis.url(), 2, StreamFigures.WORK, 30_000);
                StreamLoad load = new StreamLoad(StreamWorker.config(redis.url()), Duration.ofSeconds(5))) {
            load.closed(20, Duration.ofSeconds(10));
            StreamFigures.print(
                    "q11: clocks +10 min and -10 min, limit 5 s: calls=%d errors=%d p99_ms=%.0f",
                    load.calls.sum(), load.errors(), load.p99());
            ahead.kill(0);
            behind.kill(0);
        }
    }

    /** The library that shifts a process's clock, once it is preloaded. */
    private static Path compiled() throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("clock");
        Path source = Files.writeString(directory.resolve("clock.c"), SOURCE);
        Path library = directory.resolve("clock.so");
        int failed = new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl")
                .inheritIO()
                .start()
                .waitFor();
        if (failed != 0) {
            throw new IOException("cc ended with " + failed);
        }
        return library;
    }
}
