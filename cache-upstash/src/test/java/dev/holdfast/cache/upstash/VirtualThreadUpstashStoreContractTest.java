package dev.holdfast.cache.upstash;

/** The same contract, called from virtual threads where the JVM has them. */
class VirtualThreadUpstashStoreContractTest extends UpstashStoreContractTest {
    @Override
    protected boolean inVirtualThreads() {
        return true;
    }
}
