package dev.holdfast.cache.examples;

import org.junit.jupiter.api.Nested;

/** The typed cache is the same over every store, and over several of them. */
class EveryStoreTest {

    @Nested
    class OverMemory extends TypedCacheContract {
        OverMemory() {
            super(StoreServers.MEMORY);
        }
    }

    @Nested
    class OverASingleServer extends TypedCacheContract {
        OverASingleServer() {
            super(StoreServers.SINGLE);
        }
    }

    @Nested
    class OverACluster extends TypedCacheContract {
        OverACluster() {
            super(StoreServers.CLUSTER);
        }
    }

    @Nested
    class OverUpstash extends TypedCacheContract {
        OverUpstash() {
            super(StoreServers.UPSTASH);
        }
    }

    @Nested
    class OverSeveral extends TypedCacheContract {
        OverSeveral() {
            super(StoreServers.SEVERAL);
        }
    }
}
