package dev.holdfast.cache.memory;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.CacheStoreContract;
import dev.holdfast.cache.testkit.FlakyStore;

/** The testkit's scripted store without a script. Here, since the testkit has no store of its own to wrap. */
class FlakyStoreContractTest extends CacheStoreContract {
    @Override
    protected boolean waits() {
        return false;
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return new FlakyStore(MemoryStore.builder().keyPrefix(keyPrefix).build());
    }
}
