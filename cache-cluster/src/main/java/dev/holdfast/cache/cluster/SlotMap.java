package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Who serves which slot, and who else belongs to the cluster. Immutable. */
final class SlotMap {
    /** Nothing is known yet. */
    static final SlotMap UNKNOWN = new SlotMap(new Shard[Slots.COUNT], List.of(), "");

    private final @Nullable Shard[] shards;
    private final List<Node> nodes;
    private final String signature;

    private SlotMap(@Nullable Shard[] shards, List<Node> nodes, String signature) {
        this.shards = shards;
        this.nodes = nodes;
        this.signature = signature;
    }

    /**
     * A master and those that follow it.
     *
     * @param master who takes writes
     * @param replicas who may answer reads
     */
    record Shard(Node master, List<Node> replicas) {}

    /**
     * Makes one of what some nodes see. Where they differ, a node knows itself best, and a slot belongs to whoever claims it
     * with the greatest epoch, as the nodes themselves settle it.
     *
     * @param views at least one
     * @param nodeAt returns the node that announces itself with an address
     */
    static SlotMap merge(List<View> views, Function<Address, Node> nodeAt) {
        Map<String, View.Member> members = new TreeMap<>();
        Map<String, Address> endpoints = new HashMap<>();
        View.Member[] owners = new View.Member[Slots.COUNT];
        for (View view : views) {
            endpoints.putAll(view.endpoints());
            for (View.Member member : view.members()) {
                if (member.isMyself()) {
                    members.put(member.id(), member);
                } else {
                    members.putIfAbsent(member.id(), member);
                }
                for (int slot = member.slots().nextSetBit(0);
                        slot >= 0;
                        slot = member.slots().nextSetBit(slot + 1)) {
                    if (owners[slot] == null || owners[slot].epoch() < member.epoch()) {
                        owners[slot] = member;
                    }
                }
            }
        }
        return new Merge(members, endpoints, owners, nodeAt).result();
    }

    /** The shard of a slot; {@code null} if nobody serves it. */
    @Nullable
    Shard shard(int slot) {
        return shards[slot];
    }

    /** Every node of the cluster, in a stable order. */
    List<Node> nodes() {
        return nodes;
    }

    /** The nodes that have slots. */
    List<Node> masters() {
        return nodes.stream().filter(node -> !node.role().slots().isEmpty()).toList();
    }

    /** Equal to another's if both have the same slots on the same nodes, moving the same ways. */
    String signature() {
        return signature;
    }

    /** Whether slots are just being moved. */
    boolean isMoving() {
        return signature.contains("[");
    }

    /** How many slots are served by masters that get calls. */
    int served() {
        int served = 0;
        for (Shard shard : shards) {
            served += shard != null && shard.master().isUp() ? 1 : 0;
        }
        return served;
    }

    /** One in which a slot belongs to another node. */
    SlotMap withMoved(int slot, Node master) {
        Shard present = shards[slot];
        if (present != null && present.master() == master) {
            return this;
        }
        @Nullable Shard[] changed = shards.clone();
        Shard shard = Arrays.stream(shards)
                .filter(other -> other != null && other.master() == master)
                .findFirst()
                .orElseGet(() -> new Shard(master, List.of()));
        changed[slot] = shard;
        return new SlotMap(changed, nodes, signature + ",moved");
    }

    /** One merge under way. */
    private static final class Merge {
        private final Map<String, View.Member> members;
        private final Map<String, Address> endpoints;
        private final View.Member[] owners;
        private final Function<Address, Node> nodeAt;
        private final Map<String, Node> nodes = new TreeMap<>();
        private final Map<String, BitSet> slots = new HashMap<>();

        Merge(
                Map<String, View.Member> members,
                Map<String, Address> endpoints,
                View.Member[] owners,
                Function<Address, Node> nodeAt) {
            this.members = members;
            this.endpoints = endpoints;
            this.owners = owners;
            this.nodeAt = nodeAt;
        }

        SlotMap result() {
            members.values().stream().filter(View.Member::isReachable).forEach(member -> {
                Address announced = endpoints.getOrDefault(member.id(), member.announced());
                if (announced != null) {
                    nodes.put(member.id(), nodeAt.apply(announced));
                }
            });
            for (int slot = 0; slot < Slots.COUNT; slot++) {
                if (owners[slot] != null) {
                    slots.computeIfAbsent(owners[slot].id(), id -> new BitSet()).set(slot);
                }
            }
            @Nullable Shard[] shards = new Shard[Slots.COUNT];
            slots.forEach((id, owned) -> {
                Node master = nodes.get(id);
                if (master != null) {
                    Shard shard = new Shard(master, replicasOf(id));
                    owned.stream().forEach(slot -> shards[slot] = shard);
                }
            });
            StringBuilder signature = new StringBuilder();
            nodes.forEach((id, node) -> {
                BitSet owned = slots.getOrDefault(id, new BitSet());
                View.Member member = members.get(id);
                node.role(new Node.Role(!owned.isEmpty() || (member != null && member.isMaster()), owned));
                if (!owned.isEmpty() && member != null) {
                    signature
                            .append(node)
                            .append(owned)
                            .append(
                                    member.moving().isEmpty()
                                            ? ""
                                            : member.moving().toString());
                }
            });
            return new SlotMap(shards, List.copyOf(new ArrayList<>(nodes.values())), signature.toString());
        }

        private List<Node> replicasOf(String masterId) {
            return members.values().stream()
                    .filter(member -> member.masterId().equals(masterId)
                            && !member.flags().contains("fail"))
                    .filter(member -> nodes.containsKey(member.id()))
                    .map(member -> nodes.get(member.id()))
                    .toList();
        }
    }
}
