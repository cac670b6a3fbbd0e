//! Leaves the vocabulary of a quantised model quantised.
//!
//! Its graph scales the whole table of token vectors and then looks a few of them up. A runtime that works constants out when it
//! loads a graph keeps that table in four bytes a number: 47 MB for the 30,522 words of BERT. Looked up first and scaled after,
//! each number goes through the same arithmetic, and the table stays at one byte.

use std::collections::{HashMap, HashSet};

use rten_onnx::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};
use rten_onnx::protobuf::ProtobufError;

/// The model `onnx` with its look-ups before its scaling; as it is where nothing is looked up in a scaled table.
pub(super) fn before_scaling(onnx: &[u8]) -> Result<Vec<u8>, ProtobufError> {
    let mut model = ModelProto::parse_buf(onnx)?;
    if let Some(graph) = &mut model.graph {
        let nodes = std::mem::take(&mut graph.node);
        let tables = ScaledTables::of(graph, &nodes);
        graph.node = nodes
            .iter()
            .flat_map(|node| tables.look_up(node).unwrap_or_else(|| vec![node.clone()]))
            .collect();
        drop_unused(graph);
    }
    model.write_buf()
}

/// Takes out the nodes that nothing depends on any more.
fn drop_unused(graph: &mut GraphProto) {
    let outputs: Vec<String> = graph.output.iter().filter_map(|output| output.name.clone()).collect();
    let mut before = usize::MAX;
    while graph.node.len() < before {
        before = graph.node.len();
        let used: HashSet<String> = graph
            .node
            .iter()
            .flat_map(|node| node.input.iter().cloned())
            .chain(outputs.iter().cloned())
            .collect();
        graph.node.retain(|node| node.output.iter().any(|output| used.contains(output)));
    }
}

/// Tables that are made of numbers of one byte and a scale for each row, by name.
struct ScaledTables<'a>(HashMap<&'a str, Table<'a>>);

struct Table<'a> {
    quantised: &'a str,
    scales: &'a str,
    cast: &'a NodeProto,
}

impl<'a> ScaledTables<'a> {
    /// Finds each `Mul(Cast(quantised), scales)` of constants in which a row has one scale.
    fn of(graph: &'a GraphProto, nodes: &'a [NodeProto]) -> Self {
        let casts: HashMap<&str, &NodeProto> = nodes
            .iter()
            .filter(|node| is(node, "Cast"))
            .filter_map(|node| Some((output(node)?, node)))
            .collect();
        let dims: HashMap<&str, &[i64]> = (graph.initializer.iter())
            .filter_map(|tensor| Some((tensor.name.as_deref()?, tensor.dims.as_slice())))
            .collect();
        let table = |node: &'a NodeProto| {
            let (cast, scales) = (*casts.get(input(node, 0)?)?, input(node, 1)?);
            let quantised = input(cast, 0)?;
            let is_by_row = matches!((dims.get(quantised)?, dims.get(scales)?), ([rows, _], [scaled, 1]) if rows == scaled);
            is_by_row.then_some((output(node)?, Table { quantised, scales, cast }))
        };
        Self(nodes.iter().filter(|node| is(node, "Mul")).filter_map(table).collect())
    }

    /// The nodes that stand for a `Gather` of rows of such a table.
    fn look_up(&self, node: &NodeProto) -> Option<Vec<NodeProto>> {
        let table = self.0.get(input(node, 0)?).filter(|_| is(node, "Gather") && looks_up_rows(node))?;
        let (rows, name) = (input(node, 1)?, output(node)?);
        let named = |suffix: &str| format!("{name}_{suffix}");
        let (quantised, scales, cast) = (named("quantised"), named("scales"), named("cast"));
        let gather = |from: &str, to: &str| with(node, [from, rows], to);
        Some(vec![
            gather(table.quantised, &quantised),
            gather(table.scales, &scales),
            with(table.cast, [&quantised], &cast),
            with(
                &NodeProto { op_type: Some("Mul".to_owned()), ..NodeProto::default() },
                [&cast, &scales],
                name,
            ),
        ])
    }
}

fn is(node: &NodeProto, op: &str) -> bool {
    node.op_type.as_deref() == Some(op)
}

fn looks_up_rows(gather: &NodeProto) -> bool {
    let is_axis = |attribute: &&AttributeProto| attribute.name.as_deref() == Some("axis");
    gather.attribute.iter().find(is_axis).and_then(|axis| axis.i).unwrap_or(0) == 0
}

fn input(node: &NodeProto, place: usize) -> Option<&str> {
    node.input.get(place).map(String::as_str)
}

fn output(node: &NodeProto) -> Option<&str> {
    node.output.first().map(String::as_str)
}

/// The same operator on other values. A node's name must be its own, as its output's is.
fn with<const N: usize>(node: &NodeProto, inputs: [&str; N], output: &str) -> NodeProto {
    let (name, input) = (Some(output.to_owned()), inputs.map(str::to_owned).to_vec());
    NodeProto { name, input, output: vec![output.to_owned()], ..node.clone() }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rten::{Model, Value};
    use rten_onnx::onnx::{DataType, OperatorSetIdProto, TensorProto, ValueInfoProto};
    use rten_tensor::{Layout, NdTensor};

    use super::*;

    fn node(op: &str, inputs: &[&str], output: &str, attribute: Option<(&str, i64)>) -> NodeProto {
        let attribute = attribute.map(|(name, i)| AttributeProto {
            name: Some(name.to_owned()),
            i: Some(i),
            ..AttributeProto::default()
        });
        NodeProto {
            op_type: Some(op.to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        }
    }

    fn tensor(name: &str, dims: [i64; 2], data_type: DataType, bytes: Vec<u8>) -> TensorProto {
        TensorProto {
            name: Some(name.to_owned()),
            dims: dims.to_vec(),
            data_type: Some(data_type),
            raw_data: Some(RefCell::new(bytes)),
            ..TensorProto::default()
        }
    }

    fn value(name: &str) -> ValueInfoProto {
        ValueInfoProto { name: Some(name.to_owned()), r#type: None }
    }

    /// Three rows of two numbers, of which `ids` are looked up along `axis`; one scale for each row, or for each column.
    fn model(scale_dims: [i64; 2], axis: i64) -> Vec<u8> {
        let scales: Vec<u8> = [0.5_f32, 0.1, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let scales = scales[..4 * (scale_dims[0] * scale_dims[1]) as usize].to_vec();
        let graph = GraphProto {
            node: vec![
                node("Cast", &["table_q"], "table_f", Some(("to", 1))),
                node("Mul", &["table_f", "scales"], "table", None),
                node("Gather", &["table", "ids"], "rows", Some(("axis", axis))),
            ],
            initializer: vec![
                tensor("table_q", [3, 2], DataType::INT8, vec![1, 255, 7, 128, 127, 0]),
                tensor("scales", scale_dims, DataType::FLOAT, scales),
            ],
            input: vec![value("ids")],
            output: vec![value("rows")],
            ..GraphProto::default()
        };
        let opset_import = vec![OperatorSetIdProto { version: Some(17), ..OperatorSetIdProto::default() }];
        let ir_version = Some(8);
        ModelProto { ir_version, graph: Some(graph), opset_import, ..ModelProto::default() }
            .write_buf()
            .unwrap()
    }

    fn operators(onnx: &[u8]) -> Vec<String> {
        let graph = ModelProto::parse_buf(onnx).unwrap().graph.unwrap();
        graph.node.into_iter().filter_map(|node| node.op_type).collect()
    }

    fn run(onnx: Vec<u8>) -> Vec<f32> {
        let model = Model::load(onnx).unwrap();
        let ids = Value::from(NdTensor::from([1, 0, 1]));
        let [rows] = model
            .run_n(vec![(model.node_id("ids").unwrap(), ids.into())], [model.node_id("rows").unwrap()], None)
            .unwrap();
        let rows = NdTensor::<f32, 2>::try_from(rows).unwrap();
        assert_eq!(rows.shape()[0], 3);
        rows.into_data()
    }

    #[test]
    fn rows_that_are_looked_up_before_they_are_scaled_are_the_same_to_the_last_bit() {
        let plain = model([3, 1], 0);
        let changed = before_scaling(&plain).unwrap();
        assert_eq!(operators(&changed), ["Gather", "Gather", "Cast", "Mul"]);
        assert_eq!(run(changed), run(plain));
    }

    #[test]
    fn graph_that_does_something_else_stays_as_it_is() {
        for (scale_dims, axis) in [([1, 2], 0), ([3, 1], 1)] {
            let plain = model(scale_dims, axis);
            assert_eq!(operators(&before_scaling(&plain).unwrap()), operators(&plain));
        }
    }
}
